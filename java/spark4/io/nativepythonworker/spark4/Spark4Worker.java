package io.nativepythonworker.spark4;

import io.nativepythonworker.ConnectionEnd;
import io.nativepythonworker.NativePythonWorkerFactory;
import io.nativepythonworker.WorkerConnection;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import org.apache.spark.api.python.PythonWorker;

/** A native worker as Spark's runners see it: equal to another only if the channel is the same. */
final class Spark4Worker extends PythonWorker implements WorkerConnection {
  private static final long serialVersionUID = 1L;

  private final transient NativePythonWorkerFactory<Spark4Worker> factory;
  private final transient WorkerChannel shown;
  private final transient ConnectionEnd end;
  private final long id;
  private final long pid;

  /** The thread that needs the JDK's own channel, which is the only one that selectors take. */
  private transient volatile Thread registering;

  Spark4Worker(
      NativePythonWorkerFactory<Spark4Worker> factory, long id, long pid, SocketChannel channel) {
    super(channel);
    this.factory = factory;
    this.id = id;
    this.pid = pid;
    this.end = new ConnectionEnd(() -> factory.closed(this), "Failed to stop worker socket");
    this.shown = new WorkerChannel(channel, this::whyEnded);
  }

  @Override
  public SocketChannel channel() {
    return registering == Thread.currentThread() ? super.channel() : shown;
  }

  /** Makes a selector for the channel. */
  @Override
  public synchronized PythonWorker refresh() {
    registering = Thread.currentThread();
    try {
      return super.refresh();
    } finally {
      registering = null;
    }
  }

  @Override
  public boolean isOpen() {
    return super.channel().isOpen();
  }

  @Override
  public long id() {
    return id;
  }

  long pid() {
    return pid;
  }

  /** See {@link NativePythonWorkerFactory#whyEnded}. */
  String whyEnded() {
    return factory.whyEnded(this);
  }

  boolean isAlive() {
    return factory.isAlive(this);
  }

  boolean terminate() {
    return factory.terminate(this);
  }

  void kill() {
    factory.stopWorker(this);
  }

  /** Makes this fit for a task: 4.3's pipelined runners give channels back in blocking mode. */
  void prepare() throws IOException {
    if (channel().isBlocking()) {
      channel().configureBlocking(false);
    }
    refresh();
  }

  /** Runners close workers by this, often without a word to the factory. */
  @Override
  public void stop() {
    end.close(super::stop);
  }

  @Override
  public void discard() {
    end.discard(super::stop);
  }
}

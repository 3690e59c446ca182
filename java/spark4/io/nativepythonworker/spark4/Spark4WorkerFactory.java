package io.nativepythonworker.spark4;

import io.nativepythonworker.NativeBacked;
import io.nativepythonworker.NativePythonWorkerFactory;
import io.nativepythonworker.Rethrow;
import java.io.IOException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import org.apache.spark.api.python.PythonWorker;
import org.apache.spark.api.python.PythonWorkerFactory;
import org.objenesis.ObjenesisStd;
import org.objenesis.instantiator.ObjectInstantiator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Tuple2;

/** The native factory behind the API of Spark 4.0 to 4.3. */
public final class Spark4WorkerFactory extends PythonWorkerFactory implements NativeBacked {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  /** Spark's own constructor is not run: it starts a thread, for its own pool, that never ends. */
  private static final ObjectInstantiator<Spark4WorkerFactory> UNCONSTRUCTED =
      new ObjenesisStd().getInstantiatorOf(Spark4WorkerFactory.class);

  private NativePythonWorkerFactory<Spark4Worker> workers;
  private WorkerHandles handles;
  private boolean useDaemon;

  /** Whether what it hands out is no worker's. */
  boolean isRehearsal;

  private Spark4WorkerFactory() {
    super(null, null, null, null, false);
    throw new AssertionError("is never called");
  }

  static Spark4WorkerFactory of(
      boolean useDaemon, NativePythonWorkerFactory<Spark4Worker> workers, WorkerHandles handles) {
    Spark4WorkerFactory factory = UNCONSTRUCTED.newInstance();
    factory.workers = workers;
    factory.handles = handles;
    factory.useDaemon = useDaemon;
    return factory;
  }

  /** Asked by SparkEnv: whether its caller wants the same as the one that this was made for. */
  @Override
  public boolean useDaemonEnabled() {
    return useDaemon;
  }

  @Override
  public NativePythonWorkerFactory<Spark4Worker> workers() {
    return workers;
  }

  @Override
  public String logName() {
    return NativePythonWorkerFactory.LOG_NAME;
  }

  @Override
  public Tuple2<PythonWorker, Option<ProcessHandle>> create() {
    while (true) {
      Spark4Worker worker = isRehearsal ? workers.rehearse() : workers.create();
      if (isPrepared(worker)) {
        return pair(worker);
      }
      LOGGER.warn("Worker {} process from idle queue is dead, discarding.", worker);
      stopWorker(worker);
    }
  }

  /** Makes the worker fit for a task; false where its socket has been closed meanwhile. */
  private boolean isPrepared(Spark4Worker worker) {
    try {
      worker.prepare();
      return true;
    } catch (CancelledKeyException | ClosedChannelException gone) {
      return false;
    } catch (IOException | RuntimeException | Error failure) {
      stopWorker(worker);
      throw Rethrow.unchecked(failure);
    }
  }

  @Override
  public Tuple2<PythonWorker, Option<ProcessHandle>> createSimpleWorker(boolean blockingMode) {
    Spark4Worker worker = workers.createSimple(null);
    if (!blockingMode && !isPrepared(worker)) {
      stopWorker(worker);
      throw Rethrow.unchecked(new ClosedChannelException());
    }
    return pair(worker);
  }

  /** The second element is what this Spark expects; its type is erased. */
  @SuppressWarnings("unchecked")
  private Tuple2<PythonWorker, Option<ProcessHandle>> pair(Spark4Worker worker) {
    return new Tuple2<>(worker, (Option<ProcessHandle>) handles.of(worker));
  }

  @Override
  public void stopWorker(PythonWorker worker) {
    if (worker instanceof Spark4Worker ours) {
      workers.stopWorker(ours);
    } else {
      worker.stop();
    }
  }

  @Override
  public void releaseWorker(PythonWorker worker) {
    if (worker instanceof Spark4Worker ours) {
      if (useDaemon) {
        workers.release(ours);
      } else {
        workers.letGo(ours);
      }
      return;
    }
    try {
      worker.stop();
    } catch (Exception failure) {
      LOGGER.warn("Failed to close worker", failure);
    }
  }

  @Override
  public boolean isWorkerStopped(PythonWorker worker) {
    if (useDaemon) {
      throw new AssertionError(
          "assertion failed: isWorkerStopped() is not supported for daemon mode");
    }
    return worker instanceof Spark4Worker ours && !ours.isAlive();
  }

  @Override
  public void stop() {
    workers.stop();
  }
}

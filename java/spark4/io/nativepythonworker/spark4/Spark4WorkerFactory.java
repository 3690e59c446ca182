package io.nativepythonworker.spark4;

import io.nativepythonworker.NativePythonWorkerFactory;
import io.nativepythonworker.Undeclared;
import java.io.IOException;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import org.apache.spark.api.python.PythonWorker;
import org.apache.spark.api.python.PythonWorkerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Product;
import scala.Tuple2;

/** The native factory behind the API of Spark 4.0 to 4.3. */
public final class Spark4WorkerFactory extends PythonWorkerFactory {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  private final NativePythonWorkerFactory<Spark4Worker> workers;
  private final WorkerHandles handles;
  private final boolean useDaemon;

  Spark4WorkerFactory(
      Product key,
      scala.collection.immutable.Map<String, String> variables,
      boolean useDaemon,
      NativePythonWorkerFactory<Spark4Worker> workers,
      WorkerHandles handles) {
    super(
        (String) key.productElement(0),
        (String) key.productElement(1),
        (String) key.productElement(2),
        variables,
        useDaemon);
    this.workers = workers;
    this.handles = handles;
    this.useDaemon = useDaemon;
  }

  @Override
  public String logName() {
    return NativePythonWorkerFactory.LOG_NAME;
  }

  @Override
  public Tuple2<PythonWorker, Option<ProcessHandle>> create() {
    while (true) {
      Spark4Worker worker = workers.create();
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
      throw Undeclared.thrown(failure);
    }
  }

  @Override
  public Tuple2<PythonWorker, Option<ProcessHandle>> createSimpleWorker(boolean blockingMode) {
    Spark4Worker worker = workers.createSimple(null);
    if (!blockingMode && !isPrepared(worker)) {
      stopWorker(worker);
      throw Undeclared.thrown(new ClosedChannelException());
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
    if (useDaemon && worker instanceof Spark4Worker ours) {
      workers.release(ours);
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

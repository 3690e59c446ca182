package io.nativepythonworker.spark3;

import io.nativepythonworker.NativeBacked;
import io.nativepythonworker.NativePythonWorkerFactory;
import java.io.IOException;
import java.net.Socket;
import org.apache.spark.api.python.PythonWorkerFactory;
import org.objenesis.ObjenesisStd;
import org.objenesis.instantiator.ObjectInstantiator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Tuple2;

/** The native factory behind the API of Spark 3.3 to 3.5. */
public final class Spark3WorkerFactory extends PythonWorkerFactory implements NativeBacked {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  /** Spark's own constructor is not run: it starts a thread, for its own pool, that never ends. */
  private static final ObjectInstantiator<Spark3WorkerFactory> UNCONSTRUCTED =
      new ObjenesisStd().getInstantiatorOf(Spark3WorkerFactory.class);

  private NativePythonWorkerFactory<WorkerSocket> workers;
  private boolean useDaemon;

  /** Whether what it hands out is no worker's. */
  boolean isRehearsal;

  private Spark3WorkerFactory() {
    super(null, null);
    throw new AssertionError("is never called");
  }

  static Spark3WorkerFactory of(
      boolean useDaemon, NativePythonWorkerFactory<WorkerSocket> workers) {
    Spark3WorkerFactory factory = UNCONSTRUCTED.newInstance();
    factory.workers = workers;
    factory.useDaemon = useDaemon;
    return factory;
  }

  @Override
  public NativePythonWorkerFactory<WorkerSocket> workers() {
    return workers;
  }

  @Override
  public String logName() {
    return NativePythonWorkerFactory.LOG_NAME;
  }

  @Override
  public Tuple2<Socket, Option<Object>> create() {
    return pair(isRehearsal ? workers.rehearse() : workers.create());
  }

  /** Spark 3.5's; nobody calls it on an older one. */
  @Override
  public Tuple2<Socket, Option<Object>> createStreamingWorker(String streamingWorkerModule) {
    return pair(workers.createSimple(streamingWorkerModule));
  }

  /** Spark 3 wants the pid as an Int. */
  private static Tuple2<Socket, Option<Object>> pair(WorkerSocket worker) {
    return new Tuple2<>(worker, Option.apply((int) worker.pid()));
  }

  @Override
  public void stopWorker(Socket worker) {
    if (worker instanceof WorkerSocket) {
      workers.stopWorker((WorkerSocket) worker);
    } else {
      close(worker);
    }
  }

  @Override
  public void releaseWorker(Socket worker) {
    WorkerSocket ours = worker instanceof WorkerSocket ? (WorkerSocket) worker : null;
    if (ours != null && !useDaemon) {
      workers.letGo(ours);
    } else if (ours != null && ours.isQuiet()) {
      workers.release(ours);
    } else {
      close(worker);
    }
  }

  private static void close(Socket worker) {
    try {
      worker.close();
    } catch (IOException failure) {
      LOGGER.warn("Failed to close worker socket", failure);
    }
  }

  @Override
  public void stop() {
    workers.stop();
  }
}

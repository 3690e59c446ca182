package io.nativepythonworker.spark3;

import io.nativepythonworker.NativePythonWorkerFactory;
import java.io.IOException;
import java.net.Socket;
import org.apache.spark.api.python.PythonWorkerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;
import scala.Tuple2;

/** The native factory behind the API of Spark 3.5. */
public final class Spark3WorkerFactory extends PythonWorkerFactory {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  private final NativePythonWorkerFactory<WorkerSocket> workers;
  private final boolean useDaemon;

  Spark3WorkerFactory(
      String pythonExec,
      scala.collection.immutable.Map<String, String> variables,
      boolean useDaemon,
      NativePythonWorkerFactory<WorkerSocket> workers) {
    super(pythonExec, variables);
    this.workers = workers;
    this.useDaemon = useDaemon;
  }

  @Override
  public String logName() {
    return NativePythonWorkerFactory.LOG_NAME;
  }

  @Override
  public Tuple2<Socket, Option<Object>> create() {
    return pair(workers.create());
  }

  @Override
  public Tuple2<Socket, Option<Object>> createStreamingWorker(String streamingWorkerModule) {
    return pair(workers.createSimple(streamingWorkerModule));
  }

  /** Spark 3.5 wants the pid as an Int. */
  private static Tuple2<Socket, Option<Object>> pair(WorkerSocket worker) {
    return new Tuple2<>(worker, Option.apply((int) worker.pid()));
  }

  @Override
  public void stopWorker(Socket worker) {
    if (worker instanceof WorkerSocket ours) {
      workers.stopWorker(ours);
    } else {
      close(worker);
    }
  }

  @Override
  public void releaseWorker(Socket worker) {
    if (useDaemon && worker instanceof WorkerSocket ours && ours.isQuiet()) {
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

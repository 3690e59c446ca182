package bench;

import org.apache.spark.SparkEnv;
import org.apache.spark.api.python.PythonWorker;
import scala.collection.immutable.Map;

/** Workers of Spark 4. */
final class SparkWorkers implements Workers<PythonWorker> {
  private static final String WORKER = "pyspark.worker";
  private static final String DAEMON = "pyspark.daemon";

  private final SparkEnv spark = SparkEnv.get();
  private final String python;
  private final Map<String, String> environment;

  SparkWorkers(String python, Map<String, String> environment) {
    this.python = python;
    this.environment = environment;
  }

  @Override
  public PythonWorker create() {
    return spark.createPythonWorker(python, WORKER, DAEMON, environment, true)._1();
  }

  @Override
  public void release(PythonWorker worker) {
    spark.releasePythonWorker(python, WORKER, DAEMON, environment, worker);
  }

  @Override
  public void destroy(PythonWorker worker) {
    spark.destroyPythonWorker(python, WORKER, DAEMON, environment, worker);
  }
}

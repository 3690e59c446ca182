package bench;

import java.net.Socket;
import org.apache.spark.SparkEnv;
import scala.collection.immutable.Map;

/** Workers of Spark 3.5. */
final class SparkWorkers implements Workers<Socket> {
  private final SparkEnv spark = SparkEnv.get();
  private final String python;
  private final Map<String, String> environment;

  SparkWorkers(String python, Map<String, String> environment) {
    this.python = python;
    this.environment = environment;
  }

  @Override
  public Socket create() {
    return spark.createPythonWorker(python, environment)._1();
  }

  @Override
  public void release(Socket worker) {
    spark.releasePythonWorker(python, environment, worker);
  }

  @Override
  public void destroy(Socket worker) {
    spark.destroyPythonWorker(python, environment, worker);
  }
}

package io.nativepythonworker.spark3;

import io.nativepythonworker.FactoryProperties;
import io.nativepythonworker.NativePythonWorkerFactory;
import io.nativepythonworker.Rehearsal;
import io.nativepythonworker.SparkGeneration;
import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.StandardOutput;
import io.nativepythonworker.ui.WorkersPage;
import java.net.Socket;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.python.PythonUtils;
import org.apache.spark.ui.SparkUI;
import scala.Function0;
import scala.Product;

/** Makes factories for Spark 3.3 to 3.5. */
public final class Spark3WorkerFactoryBuilder implements SparkGeneration {
  private final SparkVersion spark;

  public Spark3WorkerFactoryBuilder(SparkVersion spark) {
    this.spark = spark;
  }

  @Override
  public SparkVersion spark() {
    return spark;
  }

  /**
   * The key's elements are executable and variables; all else Spark 3's factory reads from the
   * configuration.
   */
  @Override
  @SuppressWarnings("unchecked")
  public Object build(Product key, Function0<?> stock) {
    String pythonExec = (String) key.productElement(0);
    scala.collection.immutable.Map<String, String> variables =
        (scala.collection.immutable.Map<String, String>) key.productElement(1);
    SparkConf conf = SparkEnv.get().conf();
    Map<String, String> environment = FactoryProperties.toJava(variables);
    Map<String, String> properties = usualProperties(conf, pythonExec, environment);
    Spark3WorkerFactory factory = open(properties, environment, FactoryProperties.useDaemon(conf));
    factory.isRehearsal = Rehearsal.isKey(key);
    return factory;
  }

  private static Spark3WorkerFactory open(
      Map<String, String> properties, Map<String, String> environment, boolean useDaemon) {
    NativePythonWorkerFactory<WorkerSocket> workers =
        NativePythonWorkerFactory.open(
            SparkEnv.get(),
            properties,
            environment,
            WorkerSocket::new,
            StandardOutput.STANDARD_ERROR);
    try {
      return Spark3WorkerFactory.of(useDaemon, workers);
    } catch (RuntimeException | Error failure) {
      workers.stop();
      throw failure;
    }
  }

  @Override
  public Map<String, String> usualProperties(
      SparkConf conf, String pythonExec, Map<String, String> environment) {
    return FactoryProperties.usual(spark, conf, pythonExec, environment).toMap();
  }

  @Override
  public void rehearse(String pythonExec, Map<String, String> environment) {
    SparkEnv env = SparkEnv.get();
    scala.collection.immutable.Map<String, String> variables = PythonUtils.toScalaMap(environment);
    Socket unconnected = env.createPythonWorker(pythonExec, variables)._1();
    env.releasePythonWorker(pythonExec, variables, unconnected);
    env.destroyPythonWorker(pythonExec, variables, unconnected);
  }

  @Override
  public void attach(SparkUI ui, WorkersPage page) throws ReflectiveOperationException {
    WorkersTab.attach(ui, page);
  }
}

package io.nativepythonworker.spark4;

import io.nativepythonworker.FactoryProperties;
import io.nativepythonworker.NativePythonWorkerFactory;
import io.nativepythonworker.Rehearsal;
import io.nativepythonworker.SparkGeneration;
import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.StandardOutput;
import io.nativepythonworker.ui.WorkersPage;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.python.PythonUtils;
import org.apache.spark.api.python.PythonWorker;
import org.apache.spark.security.SocketAuthHelper;
import org.apache.spark.ui.SparkUI;
import scala.Function0;
import scala.Product;

/** Makes factories for Spark 4.0 to 4.3. */
public final class Spark4WorkerFactoryBuilder implements SparkGeneration {
  private static final String WORKER = "pyspark.worker";
  private static final String DAEMON = "pyspark.daemon";

  private final SparkVersion spark;

  /** Read once: this serves one SparkEnv. */
  private Map<String, String> transport;

  public Spark4WorkerFactoryBuilder(SparkVersion spark) {
    this.spark = spark;
  }

  @Override
  public SparkVersion spark() {
    return spark;
  }

  /** The key's elements are executable, worker module, daemon module and variables. */
  @Override
  @SuppressWarnings("unchecked")
  public Object build(Product key, Function0<?> stock) {
    var variables = (scala.collection.immutable.Map<String, String>) key.productElement(3);
    SparkConf conf = SparkEnv.get().conf();
    boolean useDaemon = capturedFlag(stock).orElseGet(() -> FactoryProperties.useDaemon(conf));
    Map<String, String> environment = FactoryProperties.toJava(variables);
    Map<String, String> properties =
        new FactoryProperties(spark, conf, (String) key.productElement(0), useDaemon, environment)
            .with("workerModule", (String) key.productElement(1))
            .with("daemonModule", (String) key.productElement(2))
            .withAll(transport(conf))
            .toMap();
    Spark4WorkerFactory factory =
        open(properties, environment, useDaemon, standardOutput(environment));
    factory.isRehearsal = Rehearsal.isKey(key);
    return factory;
  }

  private Spark4WorkerFactory open(
      Map<String, String> properties,
      Map<String, String> environment,
      boolean useDaemon,
      StandardOutput output) {
    var workers =
        NativePythonWorkerFactory.open(
            SparkEnv.get(), properties, environment, Spark4Worker::new, output);
    try {
      return Spark4WorkerFactory.of(useDaemon, workers, handles(environment));
    } catch (RuntimeException | Error failure) {
      workers.stop();
      throw failure;
    }
  }

  @Override
  public void rehearse(String pythonExec, Map<String, String> environment) {
    SparkEnv env = SparkEnv.get();
    var variables = PythonUtils.toScalaMap(environment);
    PythonWorker unconnected =
        env.createPythonWorker(pythonExec, WORKER, DAEMON, variables, true)._1();
    env.releasePythonWorker(pythonExec, WORKER, DAEMON, variables, unconnected);
    env.destroyPythonWorker(pythonExec, WORKER, DAEMON, variables, unconnected);
  }

  @Override
  public Map<String, String> usualProperties(
      SparkConf conf, String pythonExec, Map<String, String> environment) {
    return FactoryProperties.usual(spark, conf, pythonExec, environment)
        .withAll(transport(conf))
        .toMap();
  }

  @Override
  public void attach(SparkUI ui, WorkersPage page) throws ReflectiveOperationException {
    WorkersTab.attach(ui, page);
  }

  private synchronized Map<String, String> transport(SparkConf conf) {
    if (transport == null) {
      transport = readTransport(conf);
    }
    return transport;
  }

  private Map<String, String> readTransport(SparkConf conf) {
    if (spark.atLeast(4, 1)) { // 4.0 has no Unix domain socket mode
      SocketAuthHelper sockets = new SocketAuthHelper(conf);
      if (sockets.isUnixDomainSock()) {
        return Map.of("socketDirectory", sockets.sockDir());
      }
    }
    return Map.of();
  }

  private StandardOutput standardOutput(Map<String, String> environment) {
    String session = environment.get("PYSPARK_SPARK_SESSION_UUID");
    return session != null && spark.atLeast(4, 1)
        ? new CapturedOutput(session)
        : StandardOutput.STANDARD_ERROR;
  }

  private WorkerHandles handles(Map<String, String> environment) {
    return spark.atLeast(4, 3)
        ? new NativeWorkerHandles(environment.get("PYTHON_FAULTHANDLER_DIR"))
        : new ProcessHandles();
  }

  /**
   * The {@code useDaemon} of SparkEnv.createPythonWorker, which is not in the key: it is the only
   * boolean that the closure has captured. Empty where it cannot be read.
   */
  static Optional<Boolean> capturedFlag(Object closure) {
    try {
      Field flag = null;
      for (Field field : closure.getClass().getDeclaredFields()) {
        if (field.getType() == boolean.class && !Modifier.isStatic(field.getModifiers())) {
          if (flag != null) {
            return Optional.empty();
          }
          flag = field;
        }
      }
      if (flag == null) {
        return Optional.empty();
      }
      flag.setAccessible(true);
      return Optional.of(flag.getBoolean(closure));
    } catch (ReflectiveOperationException | RuntimeException unreadable) {
      return Optional.empty();
    }
  }
}

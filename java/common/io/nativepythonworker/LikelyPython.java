package io.nativepythonworker;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import scala.Tuple2;

/**
 * The Python that an application will most likely run its tasks with, known before the first one. A
 * wrong guess costs a zygote with all that it loads, until it has been idle for long enough.
 */
final class LikelyPython {
  private static final String EXECUTOR_ENVIRONMENT = "spark.executorEnv.";
  private static final String EXECUTABLE = "pythonExec";
  private static final String HASH_SEED = "PYTHONHASHSEED";
  private static final String THREADS = "OMP_NUM_THREADS";
  private static final String MEMORY = "spark.executor.pyspark.memory";

  private LikelyPython() {}

  /** What only the driver's JVM can tell its executors. */
  static Map<String, String> hints(SparkConf conf) {
    Map<String, String> hints = new HashMap<>();
    String inherited = System.getenv().getOrDefault("PYSPARK_PYTHON", "python3");
    hints.put(EXECUTABLE, conf.get("spark.pyspark.python", inherited));
    if (!servesConnect()) { // whose clients say nothing of a hash seed, as PySpark does
      hints.put(HASH_SEED, System.getenv().getOrDefault(HASH_SEED, "0"));
    }
    // As PySpark has read them. YARN's client adds to them later, for executors but not for tasks.
    for (Tuple2<String, String> entry : conf.getAll()) {
      if (entry._1().startsWith(EXECUTOR_ENVIRONMENT)) {
        hints.put(entry._1(), entry._2());
      }
    }
    return hints;
  }

  /** Whether this JVM was started as a Spark Connect server. */
  private static boolean servesConnect() {
    return System.getProperty("sun.java.command", "").contains(".SparkConnectServer");
  }

  /** The interpreter, by the driver's hints. */
  static String executable(Map<String, String> hints) {
    return hints.get(EXECUTABLE);
  }

  /** What PySpark and Spark's runners add to a worker's environment when an interpreter starts. */
  static Map<String, String> environment(
      SparkVersion spark, SparkConf conf, Map<String, String> hints) {
    Map<String, String> environment = new HashMap<>();
    if (hints.containsKey(HASH_SEED)) {
      environment.put(HASH_SEED, hints.get(HASH_SEED));
    }
    if (spark.atLeast(3, 5)) {
      BigDecimal threads = CommonProperties.taskCpus(conf).setScale(0, RoundingMode.CEILING);
      environment.put(THREADS, threads.toString());
    } else if (conf.contains("spark.executor.cores")) {
      environment.put(THREADS, conf.get("spark.executor.cores"));
    }
    if (conf.contains(MEMORY)) {
      long memory = conf.getSizeAsMb(MEMORY) / conf.getInt("spark.executor.cores", 1);
      environment.put("PYSPARK_EXECUTOR_MEMORY_MB", Long.toString(memory));
    }
    if (spark.atLeast(4, 2)) {
      environment.put("SPARK_PYTHON_RUNTIME", "PYTHON_WORKER");
    }
    hints.forEach(
        (name, value) -> {
          if (name.startsWith(EXECUTOR_ENVIRONMENT)) {
            environment.put(name.substring(EXECUTOR_ENVIRONMENT.length()), value);
          }
        });
    return environment;
  }
}

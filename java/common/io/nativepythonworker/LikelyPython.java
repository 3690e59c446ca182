package io.nativepythonworker;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import scala.Tuple2;

/**
 * The Python that an application will most likely run its tasks with, known before the first one. A
 * wrong guess costs an idle process.
 */
final class LikelyPython {
  private static final String EXECUTOR_ENVIRONMENT = "spark.executorEnv.";

  private LikelyPython() {}

  /** The interpreter, as far as the driver's JVM can tell. */
  static String executable(SparkConf conf) {
    String inherited = System.getenv().getOrDefault("PYSPARK_PYTHON", "python3");
    return conf.get("spark.pyspark.python", inherited);
  }

  /** What PySpark and Spark's runners add to a worker's environment when an interpreter starts. */
  static Map<String, String> environment(SparkVersion spark, SparkConf conf) {
    Map<String, String> environment = new HashMap<>();
    environment.put("PYTHONHASHSEED", System.getenv().getOrDefault("PYTHONHASHSEED", "0"));
    environment.put("OMP_NUM_THREADS", conf.get("spark.task.cpus", "1"));
    if (spark.atLeast(4, 2)) {
      environment.put("SPARK_PYTHON_RUNTIME", "PYTHON_WORKER");
    }
    for (Tuple2<String, String> entry : conf.getAll()) {
      if (entry._1().startsWith(EXECUTOR_ENVIRONMENT)) {
        environment.put(entry._1().substring(EXECUTOR_ENVIRONMENT.length()), entry._2());
      }
    }
    return environment;
  }
}

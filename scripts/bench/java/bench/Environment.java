package bench;

import java.util.HashMap;
import org.apache.spark.api.python.PythonUtils;
import org.apache.spark.package$;
import scala.collection.immutable.Map;

/** The variables that PySpark and Spark's runners set for every worker, by default. */
final class Environment {
  private Environment() {}

  static Map<String, String> usual() {
    return with(java.util.Map.of());
  }

  /** That of one session of many. */
  static Map<String, String> ofSession(String name) {
    return with(java.util.Map.of("SPARK_JOB_ARTIFACT_UUID", name));
  }

  static Map<String, String> with(java.util.Map<String, String> more) {
    java.util.Map<String, String> all = new HashMap<>(more);
    all.put("PYTHONHASHSEED", "0");
    all.put("SPARK_REUSE_WORKER", "1");
    if (package$.MODULE$.SPARK_VERSION().compareTo("3.5") >= 0) {
      all.put("OMP_NUM_THREADS", "1");
    }
    if (package$.MODULE$.SPARK_VERSION().compareTo("4.2") >= 0) {
      all.put("SPARK_PYTHON_RUNTIME", "PYTHON_WORKER");
    }
    return PythonUtils.toScalaMap(all);
  }
}

package io.nativepythonworker;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkEnv;
import scala.Product;

/**
 * Has SparkEnv hand out connections to nobody, the way that tasks ask it: what the first use of all
 * these classes and call sites costs, Spark's own among them, is not left to the first task.
 */
public final class Rehearsal {
  /** In the place of an interpreter in the keys; none of that name is started. */
  private static final String INTERPRETER = "native-python-worker-rehearsal";

  /** Scala has a class of its own for maps of each size up to four, and one for larger ones. */
  private static final int LARGER_THAN_SMALL = 5;

  private Rehearsal() {}

  /** Whether the factory with this key hands out connections to nobody. */
  public static boolean isKey(Product key) {
    return INTERPRETER.equals(key.productElement(0));
  }

  /**
   * Leaves no factory.
   *
   * @param environment variables that the first task will most likely have among others
   */
  static void run(SparkGeneration serving, Map<String, String> environment)
      throws ReflectiveOperationException {
    Map<String, String> growing = new HashMap<>(environment);
    try {
      for (int more = 1; more <= LARGER_THAN_SMALL; more++) {
        growing.put("REHEARSAL_" + more, "");
        serving.rehearse(INTERPRETER, growing);
      }
    } finally {
      WorkerFactoryMap.stop(SparkEnv.get(), INTERPRETER);
    }
  }
}

package io.nativepythonworker;

import static org.junit.Assert.assertEquals;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.python.PythonUtils;
import org.junit.rules.ExternalResource;

/** A local SparkContext that has the plugin, for the tests of one class. */
public final class TestSpark extends ExternalResource {
  private final Map<String, String> settings = new HashMap<>();
  private SparkContext context;

  /** Adds a setting; call it before the context starts. */
  public TestSpark with(String key, String value) {
    settings.put(key, value);
    return this;
  }

  @Override
  protected void before() {
    SparkConf conf =
        new SparkConf(false)
            .setMaster("local[2]")
            .setAppName("native-python-worker-tests")
            .set("spark.ui.enabled", "false")
            .set("spark.driver.host", "127.0.0.1")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.plugins", NativePythonWorkerPlugin.class.getName());
    settings.forEach(conf::set);
    context = new SparkContext(conf);
  }

  @Override
  protected void after() {
    context.stop();
  }

  /** The Python to test with. */
  public static String python() {
    return System.getProperty("python", "python3");
  }

  /**
   * Variables for a factory whose workers can import the tests' own modules; {@code name} makes the
   * key another one.
   */
  public static scala.collection.immutable.Map<String, String> variables(String name) {
    return PythonUtils.toScalaMap(
        Map.of("PYTHONPATH", System.getProperty("testModules"), "TEST_NAME", name));
  }

  /** Waits until something holds, at most a generous while. */
  public static boolean eventually(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      Thread.sleep(20);
    }
    return true;
  }

  /** Whether a process runs; one that has ended and was not waited for counts as gone. */
  public static boolean runs(long pid) {
    return ProcessHandle.of(pid).isPresent();
  }

  /** Has a process do nothing more (SIGSTOP). */
  public static void suspend(long pid) throws Exception {
    int status = new ProcessBuilder("kill", "-STOP", Long.toString(pid)).start().waitFor();
    assertEquals(0, status);
  }
}

package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.After;
import org.junit.Test;

/** What the first SparkContext of a JVM leaves to the next one. */
public class NextContextTest {
  private static final String LOGGER = "io.nativepythonworker.NativePythonWorkerPlugin";

  private TestSpark spark;

  private void start(TestSpark next) {
    stop();
    spark = next;
    spark.before();
  }

  @After
  public void stop() {
    if (spark != null) {
      spark.after();
      spark = null;
    }
  }

  /** Whether the figures in Spark's metrics are those of the context that {@code next} starts. */
  private boolean isMeasured(TestSpark next) {
    WorkerMetrics.endNew(System.nanoTime());
    start(next);
    return newHandOuts() == 0;
  }

  private static int newHandOuts() {
    return WorkerMetrics.handOuts().path("new").path("count").asInt();
  }

  @Test
  public void handOutsAreTimedAnew() {
    assertTrue(isMeasured(new TestSpark()));
    assertTrue(isMeasured(new TestSpark()));
  }

  @Test
  public void oneThatIsSwitchedOffHasNothingOfOurs() {
    start(new TestSpark());
    assertFalse(isMeasured(new TestSpark().with("spark.nativePythonWorker.enabled", "false")));
    assertTrue(isMeasured(new TestSpark()));
  }

  @Test
  public void oneThatCannotHaveItHasNothingOfOurs() {
    start(new TestSpark());
    try (LogRecorder log = new LogRecorder(LOGGER)) {
      assertFalse(isMeasured(new TestSpark().with("spark.nativePythonWorker.idleTimeout", "soon")));
      assertEquals(1, warnings(log).size());
    }
  }

  @Test
  public void aLibraryThatCannotBeLoadedAnyMoreIsNamedWithTheOneThatIs() {
    start(new TestSpark());
    try (LogRecorder log = new LogRecorder(LOGGER)) {
      start(new TestSpark().with("spark.nativePythonWorker.library", "/elsewhere/libx.so"));
      assertEquals(1, warnings(log).size());
      String warning = warnings(log).get(0);
      assertTrue(warning, warning.contains("/elsewhere/libx.so"));
      assertTrue(warning, warning.contains(NativeLibrary.origin()));
    }
  }

  private static List<String> warnings(LogRecorder log) {
    return log.lines().stream()
        .filter(line -> line.startsWith("WARN"))
        .collect(Collectors.toList());
  }
}

package io.nativepythonworker.spark4;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.TestSpark;
import java.io.File;
import java.lang.reflect.Field;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.python.PythonUtils;
import org.apache.spark.api.python.PythonWorker;
import org.junit.ClassRule;
import org.junit.Test;
import scala.Product;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.collection.mutable.HashMap;

/** Many sessions one after the other, each of which has an environment of its own. */
public class SessionsTest {
  private static final String WORKER = "pyspark.worker";
  private static final String DAEMON = "pyspark.daemon";
  private static final String SESSION = "SPARK_JOB_ARTIFACT_UUID";

  @ClassRule
  public static final TestSpark SPARK =
      new TestSpark().with("spark.nativePythonWorker.zygote.idleTimeout", "3s");

  /** What Spark gives the workers of a session that has files of its own. */
  private static scala.collection.immutable.Map<String, String> variables(String session) {
    return PythonUtils.toScalaMap(
        Map.of("PYTHONPATH", System.getProperty("testModules"), SESSION, session));
  }

  private static PythonWorker create(String session) {
    return SparkEnv.get()
        .createPythonWorker(python(), WORKER, DAEMON, variables(session), true)
        ._1();
  }

  private static void destroy(String session, PythonWorker worker) {
    SparkEnv.get().destroyPythonWorker(python(), WORKER, DAEMON, variables(session), worker);
  }

  private static void use(String session) {
    destroy(session, create(session));
  }

  /** The sessions that SparkEnv has a factory for. */
  @SuppressWarnings("unchecked")
  private static Set<String> sessions() {
    Set<String> sessions = new HashSet<>();
    Iterator<Tuple2<Object, Object>> entries = factories().iterator();
    while (entries.hasNext()) {
      Product key = (Product) entries.next()._1();
      var variables = (scala.collection.immutable.Map<String, String>) key.productElement(3);
      sessions.add(variables.apply(SESSION));
    }
    return sessions;
  }

  @SuppressWarnings("unchecked")
  private static HashMap<Object, Object> factories() {
    try {
      Field field = SparkEnv.class.getDeclaredField("pythonWorkers");
      field.setAccessible(true);
      return (HashMap<Object, Object>) field.get(SparkEnv.get());
    } catch (ReflectiveOperationException unknown) {
      throw new AssertionError(unknown);
    }
  }

  /**
   * Opens new sessions, which is when old ones are given up, until all are but those to be kept.
   */
  private static void giveUpAllBut(Set<String> kept) throws InterruptedException {
    AtomicInteger last = new AtomicInteger();
    assertTrue(
        eventually(
            () -> {
              use("next-" + last.incrementAndGet());
              return sessions().stream()
                  .allMatch(session -> session.startsWith("next-") || kept.contains(session));
            }));
  }

  @Test
  public void aFactoryThatNobodyUsesIsGivenUpAndComesBack() throws Exception {
    use("first");
    PythonWorker busy = create("busy");
    assertEquals(Set.of("first", "busy"), sessions());
    giveUpAllBut(Set.of("busy"));
    assertTrue(sessions().contains("busy"));
    use("first");
    assertTrue(sessions().contains("first"));
    assertTrue(busy.channel().isOpen());
    destroy("busy", busy);
  }

  /** Descriptors, threads and Python processes of this JVM. */
  private record Held(int files, int threads, long processes) {
    static Held now() {
      return new Held(
          new File("/proc/self/fd").list().length,
          new File("/proc/self/task").list().length,
          ProcessHandle.current().descendants().count());
    }

    boolean isWithin(Held other) {
      return files <= other.files && threads <= other.threads && processes <= other.processes;
    }
  }

  @Test
  public void fiveHundredSessionsLeaveNothing() throws Exception {
    use("warm-up"); // what is there once, and for good
    assertTrue(eventually(() -> Held.now().processes() == 0));
    Held before = Held.now();
    for (int session = 0; session < 500; session++) {
      use("session-" + session);
    }
    giveUpAllBut(Set.of());
    assertTrue(eventually(() -> Held.now().isWithin(before)));
  }

  @Test
  public void aFactoryHasNoThreadOfItsOwn() {
    use("threads");
    boolean monitored =
        Thread.getAllStackTraces().keySet().stream()
            .anyMatch(thread -> thread.getName().startsWith("Idle Worker Monitor"));
    assertFalse(monitored);
  }
}

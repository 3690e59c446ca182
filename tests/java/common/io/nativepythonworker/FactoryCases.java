package io.nativepythonworker;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.suspend;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.SparkEnv;
import org.apache.spark.package$;
import org.junit.After;
import org.junit.Before;
import org.junit.ClassRule;
import org.junit.Test;
import scala.collection.Iterator;
import scala.collection.immutable.Map;
import scala.collection.mutable.HashMap;

/** What holds of the workers that SparkEnv gives, in every Spark generation. */
public abstract class FactoryCases<W extends WorkerConnection> {
  @ClassRule
  public static final TestSpark SPARK =
      new TestSpark().with("spark.nativePythonWorker.idleTimeout", "3s");

  protected Map<String, String> variables = variables("shared");

  /** What the thread's context says must not matter. */
  @Before
  public void hideThePlugin() {
    Thread.currentThread().setContextClassLoader(null);
  }

  @After
  public void restoreLoader() {
    Thread.currentThread().setContextClassLoader(getClass().getClassLoader());
  }

  protected abstract W create();

  protected abstract void release(W worker);

  protected abstract void destroy(W worker);

  /** Closes it as a runner does. */
  protected abstract void close(W worker) throws Exception;

  /** Whether a runner sees that it is closed. */
  protected abstract boolean isClosed(W worker);

  protected abstract long pid(W worker);

  @Test
  public void aRehearsalStartsNothingAndLeavesNothingOpen() throws Exception {
    SparkGeneration spark = SparkVersion.parse(package$.MODULE$.SPARK_VERSION()).generation();
    int factories = factories();
    long selectors = selectors();
    JsonNode before = NativeReport.anew().get("counts");
    JsonNode handOuts = WorkerMetrics.handOuts();
    Rehearsal.run(spark, java.util.Map.of("SPARK_JOB_ARTIFACT_UUID", "rehearsed"));
    assertEquals(factories, factories());
    assertTrue(eventually(() -> selectors == selectors()));
    JsonNode after = NativeReport.anew();
    for (String count : List.of("created.spare", "created.fork", "created.failed", "released")) {
      assertEquals(count, before.get(count), after.get("counts").get(count));
    }
    assertFalse(after.toString().contains("rehearsed"));
    assertEquals(handOuts, WorkerMetrics.handOuts());
  }

  /** How many factories SparkEnv has. */
  private static int factories() throws ReflectiveOperationException {
    Field field = SparkEnv.class.getDeclaredField("pythonWorkers");
    field.setAccessible(true);
    Iterator<?> entries = ((HashMap<?, ?>) field.get(SparkEnv.get())).iterator();
    int count = 0;
    while (entries.hasNext()) {
      entries.next();
      count++;
    }
    return count;
  }

  /** How many selectors this JVM has open. */
  private static long selectors() {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
      return descriptors.filter(FactoryCases::isSelector).count();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static boolean isSelector(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().equals("anon_inode:[eventpoll]");
    } catch (IOException closed) {
      return false;
    }
  }

  @Test
  public void aClosedWorkerIsNotPooled() throws Exception {
    W worker = create();
    close(worker);
    release(worker);
    W other = create();
    assertNotSame(worker, other);
    assertFalse(isClosed(other));
    destroy(other);
  }

  @Test
  public void anIdleWorkerExpiresAndItsSocketIsClosed() throws Exception {
    variables = variables("expires");
    W worker = create();
    release(worker);
    assertTrue(eventually(() -> isClosed(worker)));
    assertTrue(eventually(() -> !runs(pid(worker))));
  }

  @Test
  public void aDestroyedWorkerIsKilledAndASecondTimeIsNoError() throws Exception {
    W worker = create();
    destroy(worker);
    assertTrue(isClosed(worker));
    assertTrue(eventually(() -> !runs(pid(worker))));
    destroy(worker);
    close(worker);
  }

  @Test
  public void anIdleWorkerThatDiedIsNotHandedOut() throws Exception {
    variables = variables("dies");
    W worker = create();
    release(worker);
    ProcessHandle.of(pid(worker)).orElseThrow().destroyForcibly();
    assertTrue(eventually(() -> isClosed(worker)));
    W other = create();
    assertNotSame(worker, other);
    destroy(other);
  }

  @Test
  public void aWorkerThatItsTaskLeavesOpenEnds() throws Exception {
    TestTask task = new TestTask();
    W worker = create();
    task.end();
    assertTrue(eventually(() -> !runs(pid(worker))));
    assertFalse(worker.isOpen());
  }

  @Test
  public void aWorkerOfAKilledTaskIsKilledAlthoughItIsClosed() throws Exception {
    TestTask task = new TestTask();
    W worker = create();
    suspend(pid(worker)); // as one that computes, it does not see the end of its connection
    task.kill();
    close(worker);
    task.end();
    assertTrue(eventually(() -> !runs(pid(worker))));
  }

  @Test
  public void aWorkerThatItsTaskHasReleasedGoesOn() {
    variables = variables("two tasks");
    TestTask first = new TestTask();
    W worker = create();
    release(worker);
    TestTask second = new TestTask();
    assertSame(worker, create());
    first.kill();
    first.end(); // it has the worker no more
    assertTrue(worker.isOpen());
    release(worker);
    second.end();
    assertSame(worker, create());
    assertTrue(runs(pid(worker)));
    destroy(worker);
  }
}

package io.nativepythonworker.spark3;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.suspend;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.TestSpark;
import io.nativepythonworker.TestTask;
import java.net.Socket;
import org.apache.spark.SparkEnv;
import org.junit.After;
import org.junit.Before;
import org.junit.ClassRule;
import org.junit.Test;
import scala.Option;
import scala.Tuple2;
import scala.collection.immutable.Map;

public class Spark3FactoryTest {
  @ClassRule
  public static final TestSpark SPARK =
      new TestSpark().with("spark.nativePythonWorker.idleTimeout", "3s");

  private Map<String, String> variables = variables("shared");

  /** What the thread's context says must not matter. */
  @Before
  public void hideThePlugin() {
    Thread.currentThread().setContextClassLoader(null);
  }

  @After
  public void restoreLoader() {
    Thread.currentThread().setContextClassLoader(getClass().getClassLoader());
  }

  private Tuple2<Socket, Option<Object>> createPair() {
    return SparkEnv.get().createPythonWorker(python(), variables);
  }

  private WorkerSocket create() {
    return (WorkerSocket) createPair()._1();
  }

  private void release(Socket worker) {
    SparkEnv.get().releasePythonWorker(python(), variables, worker);
  }

  private void destroy(Socket worker) {
    SparkEnv.get().destroyPythonWorker(python(), variables, worker);
  }

  @Test
  public void aNewWorkerComesWithItsPid() {
    Tuple2<Socket, Option<Object>> pair = createPair();
    WorkerSocket worker = (WorkerSocket) pair._1();
    assertEquals((int) worker.pid(), pair._2().get());
    assertTrue(runs(worker.pid()));
    assertTrue(worker.isConnected());
    assertFalse(worker.isClosed());
    destroy(worker);
  }

  @Test
  public void aReleasedWorkerIsHandedOutAgainAsTheSameObject() {
    WorkerSocket worker = create();
    release(worker);
    assertSame(worker, create());
    destroy(worker);
  }

  @Test
  public void aClosedWorkerIsNotPooled() throws Exception {
    WorkerSocket worker = create();
    worker.close();
    release(worker);
    WorkerSocket other = create();
    assertNotSame(worker, other);
    assertFalse(other.isClosed());
    destroy(other);
  }

  @Test
  public void aWorkerThatItsTaskLeavesOpenEnds() throws Exception {
    TestTask task = new TestTask();
    WorkerSocket worker = create();
    task.end();
    assertTrue(eventually(() -> !runs(worker.pid())));
    assertFalse(worker.isOpen());
  }

  @Test
  public void aWorkerOfAKilledTaskIsKilledAlthoughItIsClosed() throws Exception {
    TestTask task = new TestTask();
    WorkerSocket worker = create();
    suspend(worker.pid()); // as one that computes, it does not see the end of its connection
    task.kill();
    worker.close();
    task.end();
    assertTrue(eventually(() -> !runs(worker.pid())));
  }

  @Test
  public void aWorkerThatItsTaskHasReleasedGoesOn() {
    variables = variables("two tasks");
    TestTask first = new TestTask();
    WorkerSocket worker = create();
    release(worker);
    TestTask second = new TestTask();
    assertSame(worker, create());
    first.kill();
    first.end(); // it has the worker no more
    assertTrue(worker.isOpen());
    release(worker);
    second.end();
    assertSame(worker, create());
    assertTrue(runs(worker.pid()));
    destroy(worker);
  }

  @Test
  public void anIdleWorkerExpiresAndItsSocketIsClosed() throws Exception {
    variables = variables("expires");
    WorkerSocket worker = create();
    release(worker);
    assertTrue(eventually(worker::isClosed));
    assertTrue(eventually(() -> !runs(worker.pid())));
  }

  @Test
  public void aDestroyedWorkerIsKilledAndASecondTimeIsNoError() throws Exception {
    WorkerSocket worker = create();
    destroy(worker);
    assertTrue(worker.isClosed());
    assertTrue(eventually(() -> !runs(worker.pid())));
    destroy(worker);
    worker.close();
  }

  @Test
  public void anIdleWorkerThatDiedIsNotHandedOut() throws Exception {
    variables = variables("dies");
    WorkerSocket worker = create();
    release(worker);
    ProcessHandle.of(worker.pid()).orElseThrow().destroyForcibly();
    assertTrue(eventually(worker::isClosed));
    WorkerSocket other = create();
    assertNotSame(worker, other);
    destroy(other);
  }

  @Test
  public void withoutADaemonEachWorkerIsAProcessThatIsNotPooled() throws Exception {
    variables = variables("simple");
    SparkEnv.get().conf().set("spark.python.use.daemon", "false");
    try {
      WorkerSocket worker = create();
      assertTrue(runs(worker.pid()));
      release(worker);
      assertTrue(worker.isClosed());
      assertTrue(eventually(() -> !runs(worker.pid())));
    } finally {
      SparkEnv.get().conf().remove("spark.python.use.daemon");
    }
  }
}

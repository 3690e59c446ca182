package io.nativepythonworker.spark4;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.FactoryCases;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkException;
import org.apache.spark.api.python.PythonWorker;
import org.junit.Test;
import scala.Option;
import scala.Tuple2;

public class Spark4FactoryTest extends FactoryCases<Spark4Worker> {
  private static final String WORKER = "pyspark.worker";
  private static final String DAEMON = "pyspark.daemon";

  private Tuple2<PythonWorker, ? extends Option<?>> createPair(boolean useDaemon) {
    return SparkEnv.get().createPythonWorker(python(), WORKER, DAEMON, variables, useDaemon);
  }

  @Override
  protected Spark4Worker create() {
    return (Spark4Worker) createPair(true)._1();
  }

  @Override
  protected void release(Spark4Worker worker) {
    SparkEnv.get().releasePythonWorker(python(), WORKER, DAEMON, variables, worker);
  }

  @Override
  protected void destroy(Spark4Worker worker) {
    SparkEnv.get().destroyPythonWorker(python(), WORKER, DAEMON, variables, worker);
  }

  @Override
  protected void close(Spark4Worker worker) {
    worker.stop();
  }

  @Override
  protected boolean isClosed(Spark4Worker worker) {
    return !worker.channel().isOpen();
  }

  @Override
  protected long pid(Spark4Worker worker) {
    return worker.pid();
  }

  @Test
  public void aNewWorkerIsReadyForARunner() {
    Spark4Worker worker = create();
    assertFalse(worker.channel().isBlocking());
    assertTrue(worker.channel().isConnected());
    assertTrue(worker.selectionKey().isValid());
    assertTrue(runs(worker.pid()));
    assertEquals(new PythonWorker(worker.channel()), worker);
    assertTrue(worker.toString().startsWith("PythonWorker(java.nio.channels.SocketChannel"));
    destroy(worker);
  }

  @Test
  public void aReleasedWorkerIsHandedOutAgainAsTheSameObject() throws Exception {
    Spark4Worker worker = create();
    worker.selectionKey().cancel(); // as a pipelined runner of 4.3 leaves it
    worker.selector().close();
    worker.channel().configureBlocking(true);
    release(worker);
    assertSame(worker, create());
    assertFalse(worker.channel().isBlocking());
    assertTrue(worker.selectionKey().isValid());
    destroy(worker);
  }

  @Test
  public void theHandleKnowsTheProcess() throws Exception {
    Tuple2<PythonWorker, ? extends Option<?>> pair = createPair(true);
    Object handle = pair._2().get();
    assertTrue((boolean) call(handle, "isAlive"));
    assertTrue((boolean) call(handle, "destroy"));
    Spark4Worker worker = (Spark4Worker) pair._1();
    assertTrue(eventually(() -> !runs(worker.pid())));
    assertFalse((boolean) call(handle, "isAlive"));
    destroy(worker);
  }

  private static Object call(Object handle, String method) throws ReflectiveOperationException {
    Class<?> type = handle instanceof ProcessHandle ? ProcessHandle.class : handle.getClass();
    Method found = type.getDeclaredMethod(method);
    found.setAccessible(true);
    return found.invoke(handle);
  }

  @Test
  public void changingUseDaemonIsRefusedBySpark() {
    variables = variables("useDaemon");
    destroy(create());
    SparkException refused = assertThrows(SparkException.class, this::createSimple);
    assertTrue(refused.getMessage(), refused.getMessage().contains("useDaemon = true"));
  }

  private Object createSimple()
      throws SparkException { // which the Scala methods throw without saying so
    return createPair(false);
  }

  @Test
  public void withoutADaemonEachWorkerIsAProcessThatIsNotPooled() throws Exception {
    variables = variables("simple");
    Spark4Worker worker = (Spark4Worker) createPair(false)._1();
    assertFalse(worker.channel().isBlocking());
    assertTrue(runs(worker.pid()));
    release(worker);
    assertFalse(worker.channel().isOpen());
    assertTrue(eventually(() -> !runs(worker.pid())));
  }

  @Test(timeout = 60_000)
  public void whileOneKeyWaitsForItsInterpreterAnotherIsServed() throws Exception {
    Path slow = Files.createTempFile("slow", "python");
    Files.writeString(slow, "#!/bin/sh\nexec sleep 600\n");
    assertTrue(slow.toFile().setExecutable(true));
    Spark4Worker busy = create();
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    Thread task =
        new Thread(
            () -> {
              try {
                SparkEnv.get().createPythonWorker(slow.toString(), WORKER, DAEMON, variables, true);
              } catch (Throwable thrown) {
                ended.complete(thrown);
              }
            });
    task.start();
    assertTrue(eventually(() -> task.getState() == Thread.State.TIMED_WAITING));
    destroy(create());
    release(busy);
    destroy(create());
    assertFalse(ended.isDone());
    task.interrupt();
    assertEquals(InterruptedException.class, ended.get().getClass());
    Files.delete(slow);
  }
}

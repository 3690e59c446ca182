package io.nativepythonworker.spark3;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.FactoryCases;
import java.io.IOException;
import java.net.Socket;
import org.apache.spark.SparkEnv;
import org.junit.Test;
import scala.Option;
import scala.Tuple2;

public class Spark3FactoryTest extends FactoryCases<WorkerSocket> {
  private Tuple2<Socket, Option<Object>> createPair() {
    return SparkEnv.get().createPythonWorker(python(), variables);
  }

  @Override
  protected WorkerSocket create() {
    return (WorkerSocket) createPair()._1();
  }

  @Override
  protected void release(WorkerSocket worker) {
    SparkEnv.get().releasePythonWorker(python(), variables, worker);
  }

  @Override
  protected void destroy(WorkerSocket worker) {
    SparkEnv.get().destroyPythonWorker(python(), variables, worker);
  }

  @Override
  protected void close(WorkerSocket worker) throws IOException {
    worker.close();
  }

  @Override
  protected boolean isClosed(WorkerSocket worker) {
    return worker.isClosed();
  }

  @Override
  protected long pid(WorkerSocket worker) {
    return worker.pid();
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

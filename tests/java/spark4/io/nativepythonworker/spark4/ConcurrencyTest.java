package io.nativepythonworker.spark4;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.TestSpark;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.package$;
import org.junit.ClassRule;
import org.junit.Test;
import scala.Tuple4;

/**
 * The factory without SparkEnv's lock around it: what Spark never does today must not break it
 * either.
 */
public class ConcurrencyTest {
  private static final int THREADS = 8;
  private static final int ROUNDS = 300;

  @ClassRule
  public static final TestSpark SPARK =
      new TestSpark()
          .with("spark.nativePythonWorker.prewarm", "false") // descriptors that come at any time
          .with("spark.nativePythonWorker.idleTimeout", "50ms") // expires all the time
          .with("spark.python.factory.idleWorkerMaxPoolSize", "5");

  private final Set<Long> inUse = ConcurrentHashMap.newKeySet();
  private final Set<Long> seen = ConcurrentHashMap.newKeySet();

  @Test
  public void noWorkerIsHandedOutTwiceAndNothingIsLeftBehind() throws Exception {
    SparkVersion spark = SparkVersion.parse(package$.MODULE$.SPARK_VERSION());
    Tuple4<?, ?, ?, ?> key =
        new Tuple4<>(python(), "pyspark.worker", "pyspark.daemon", variables("many"));
    Spark4WorkerFactory factory =
        (Spark4WorkerFactory) new Spark4WorkerFactoryBuilder(spark).build(key, null);
    factory.releaseWorker(factory.create()._1()); // what is opened once is open before the count
    int before = openDescriptors();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int thread = 0; thread < THREADS; thread++) {
      Random random = new Random(thread);
      tasks.add(() -> use(factory, random));
    }
    for (Future<Void> end : threads.invokeAll(tasks)) {
      end.get();
    }
    threads.shutdown();
    assertTrue(eventually(() -> openDescriptors() <= before));
    factory.stop();
    assertTrue(eventually(() -> seen.stream().noneMatch(TestSpark::runs)));
  }

  private Void use(Spark4WorkerFactory factory, Random random) throws InterruptedException {
    for (int round = 0; round < ROUNDS; round++) {
      Spark4Worker worker = (Spark4Worker) factory.create()._1();
      seen.add(worker.pid());
      assertTrue("handed out twice: " + worker.id(), inUse.add(worker.id()));
      assertTrue(worker.channel().isOpen());
      assertTrue(runs(worker.pid()));
      int choice = random.nextInt(100);
      if (choice == 0) {
        Thread.sleep(60);
      }
      assertEquals(true, inUse.remove(worker.id()));
      if (choice == 1) {
        factory.stopWorker(worker);
      } else if (choice == 2) {
        worker.stop();
      } else {
        factory.releaseWorker(worker);
      }
    }
    return null;
  }

  private static int openDescriptors() {
    return new File("/proc/self/fd").list().length;
  }
}

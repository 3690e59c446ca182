package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.package$;
import scala.collection.immutable.Map.Map3;
import scala.collection.immutable.Map.Map4;

/**
 * How long SparkEnv takes to hand a Python worker out, in a Spark application without tasks.
 *
 * <p>Arguments: the file for the report, {@code inside/served.py}, and NAME=NUMBER for {@code idle}
 * (hand-outs of an idle worker), {@code fresh} (hand-outs of a new one) and {@code bursts}. The
 * report has the form of {@code inside/app.py}; times are seconds.
 */
public final class CreateLatency {
  private static final int BURST = 32;
  private static final int WARM_UP_ROUNDS = 3;

  /** What an executor's own start takes, that nobody waits for. */
  private static final long BEFORE_FIRST_MILLIS = 3000;

  /** Long enough for a spare to be forked anew, and for stock's daemon to have nothing to do. */
  private static final long BETWEEN_FRESH_MILLIS = 100;

  private static final long BEFORE_BURST_MILLIS = 2000;

  /** What PySpark and Spark's runners set for every worker, by default. */
  private static final Map3<String, String> OLD_ENVIRONMENT =
      new Map3<>("PYTHONHASHSEED", "0", "OMP_NUM_THREADS", "1", "SPARK_REUSE_WORKER", "1");

  private static final Map4<String, String> ENVIRONMENT_SINCE_4_2 =
      new Map4<>(
          "PYTHONHASHSEED", "0",
          "OMP_NUM_THREADS", "1",
          "SPARK_REUSE_WORKER", "1",
          "SPARK_PYTHON_RUNTIME", "PYTHON_WORKER");

  private CreateLatency() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, Integer> counts = new HashMap<>();
    for (String argument : Arrays.asList(arguments).subList(2, arguments.length)) {
      String[] pair = argument.split("=", 2);
      counts.put(pair[0], Integer.parseInt(pair[1]));
    }
    SparkContext context = new SparkContext(new SparkConf());
    Thread.sleep(BEFORE_FIRST_MILLIS);
    String python = System.getenv("PYSPARK_PYTHON");
    boolean old = package$.MODULE$.SPARK_VERSION().compareTo("4.2") < 0;
    SparkWorkers workers = new SparkWorkers(python, old ? OLD_ENVIRONMENT : ENVIRONMENT_SINCE_4_2);
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("figures", figures(workers, counts));
    report.put("result", BURST);
    report.put("factories", Served.factories());
    report.put("forkers", Served.forkers(python, arguments[1]));
    new ObjectMapper().writeValue(new File(arguments[0]), report);
    context.stop();
  }

  private static <W> Map<String, Double> figures(Workers<W> workers, Map<String, Integer> counts)
      throws Exception {
    Map<String, Double> figures = new LinkedHashMap<>();
    long started = System.nanoTime();
    W worker = workers.create();
    figures.put("cold", secondsSince(started));
    workers.release(worker);

    double[] idle = new double[0];
    for (int round = 0; round < WARM_UP_ROUNDS; round++) {
      idle = idle(workers, counts.get("idle"));
    }
    figures.put("idle_p50", quantile(idle, 0.5));
    figures.put("idle_p99", quantile(idle, 0.99));

    W held = workers.create(); // so that nobody is idle, and all others are new
    double[] fresh = fresh(workers, counts.get("fresh"));
    figures.put("fresh_p50", quantile(fresh, 0.5));
    figures.put("fresh_p99", quantile(fresh, 0.99));

    double[] bursts = new double[counts.get("bursts")];
    for (int burst = 0; burst < bursts.length; burst++) {
      Thread.sleep(BEFORE_BURST_MILLIS);
      bursts[burst] = burst(workers);
    }
    figures.put("burst", quantile(bursts, 0.5));
    workers.destroy(held);
    return figures;
  }

  /** Hands the same idle worker out and takes it back, again and again. */
  private static <W> double[] idle(Workers<W> workers, int count) {
    double[] seconds = new double[count];
    for (int i = 0; i < count; i++) {
      long started = System.nanoTime();
      workers.release(workers.create());
      seconds[i] = secondsSince(started);
    }
    return seconds;
  }

  /** Has a new worker made each time, with a pause between: how long {@code create} takes. */
  private static <W> double[] fresh(Workers<W> workers, int count) throws InterruptedException {
    double[] seconds = new double[count];
    for (int i = 0; i < count; i++) {
      Thread.sleep(BETWEEN_FRESH_MILLIS);
      long started = System.nanoTime();
      W worker = workers.create();
      seconds[i] = secondsSince(started);
      workers.destroy(worker);
    }
    return seconds;
  }

  /** Has many threads ask at once: how long until the last one has its worker. */
  private static <W> double burst(Workers<W> workers) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(BURST);
    CountDownLatch ready = new CountDownLatch(BURST);
    CountDownLatch go = new CountDownLatch(1);
    Callable<W> request =
        () -> {
          ready.countDown();
          go.await();
          return workers.create();
        };
    try {
      List<Future<W>> requests = new ArrayList<>();
      for (int i = 0; i < BURST; i++) {
        requests.add(threads.submit(request));
      }
      ready.await();
      long started = System.nanoTime();
      go.countDown();
      List<W> made = new ArrayList<>();
      for (Future<W> one : requests) {
        made.add(one.get());
      }
      double seconds = secondsSince(started);
      made.forEach(workers::destroy);
      return seconds;
    } finally {
      threads.shutdownNow(); // a failed request must not leave threads that keep the JVM
    }
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }

  private static double quantile(double[] values, double part) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(int) (part * (sorted.length - 1))];
  }
}

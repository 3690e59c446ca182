package bench;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How long SparkEnv takes to hand a Python worker out.
 *
 * <p>Its numbers: {@code idle} hand-outs of an idle worker, {@code fresh} ones of a new one, {@code
 * bursts}; see {@link Run}.
 */
public final class CreateLatency {
  private static final int BURST = 32;
  private static final int WARM_UP_ROUNDS = 3;

  /** Long enough for a spare to be forked anew, and for stock's daemon to have nothing to do. */
  private static final long BETWEEN_FRESH_MILLIS = 50;

  /** The same, just: for the rounds that are not measured. */
  private static final long WARM_UP_MILLIS = 25;

  private static final long BEFORE_BURST_MILLIS = 2000;

  private CreateLatency() {}

  public static void main(String[] arguments) throws Exception {
    Run.main(
        arguments,
        (python, numbers) -> figures(new SparkWorkers(python, Environment.usual()), numbers));
  }

  private static <W> Map<String, Double> figures(Workers<W> workers, Map<String, Integer> counts)
      throws Exception {
    Map<String, Double> figures = new LinkedHashMap<>();
    Times.since(System.nanoTime()); // the first use of that class is no part of what it measures
    long started = System.nanoTime();
    W worker = workers.create();
    figures.put("cold", Times.since(started));
    workers.release(worker);

    double[] idle = new double[0];
    for (int round = 0; round < WARM_UP_ROUNDS; round++) {
      idle = idle(workers, counts.get("idle"));
    }
    figures.put("idle_p50", Times.quantile(idle, 0.5));
    figures.put("idle_p99", Times.quantile(idle, 0.99));

    W held = workers.create(); // so that nobody is idle, and all others are new
    for (int round = 1; round < WARM_UP_ROUNDS; round++) {
      fresh(workers, counts.get("fresh"), WARM_UP_MILLIS);
    }
    double[] fresh = fresh(workers, counts.get("fresh"), BETWEEN_FRESH_MILLIS);
    figures.put("fresh_p50", Times.quantile(fresh, 0.5));
    figures.put("fresh_p99", Times.quantile(fresh, 0.99));

    double[] bursts = new double[counts.get("bursts")];
    for (int burst = 0; burst < bursts.length; burst++) {
      Thread.sleep(BEFORE_BURST_MILLIS);
      bursts[burst] = Times.atOnce(Collections.nCopies(BURST, workers));
    }
    figures.put("burst", Times.quantile(bursts, 0.5));
    workers.destroy(held);
    return figures;
  }

  /** Hands the same idle worker out and takes it back, again and again. */
  private static <W> double[] idle(Workers<W> workers, int count) {
    double[] seconds = new double[count];
    for (int i = 0; i < count; i++) {
      long started = System.nanoTime();
      workers.release(workers.create());
      seconds[i] = Times.since(started);
    }
    return seconds;
  }

  /** Has a new worker made each time, with a pause between: how long {@code create} takes. */
  private static <W> double[] fresh(Workers<W> workers, int count, long pauseMillis)
      throws InterruptedException {
    double[] seconds = new double[count];
    for (int i = 0; i < count; i++) {
      Thread.sleep(pauseMillis);
      long started = System.nanoTime();
      W worker = workers.create();
      seconds[i] = Times.since(started);
      workers.destroy(worker);
    }
    return seconds;
  }
}

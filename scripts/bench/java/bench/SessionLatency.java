package bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * How long sessions wait for their workers, and for one another.
 *
 * <p>Its numbers: {@code sessions} that ask at once for their first worker, and {@code rounds}; see
 * {@link Run}.
 */
public final class SessionLatency {
  /** Of an interpreter on a slow file system. */
  private static final int SLOW_START_SECONDS = 3;

  /** By then the slow interpreter is being started, and far from ready. */
  private static final long SLOW_STARTED_MILLIS = 500;

  private static final long BETWEEN_ROUNDS_MILLIS = 2000;

  private SessionLatency() {}

  public static void main(String[] arguments) throws Exception {
    Run.main(arguments, SessionLatency::figures);
  }

  private static Map<String, Double> figures(String python, Map<String, Integer> numbers)
      throws Exception {
    int rounds = numbers.get("rounds");
    double[] all = new double[rounds];
    double[] beside = new double[rounds];
    for (int round = 0; round < rounds; round++) {
      List<SparkWorkers> sessions = new ArrayList<>();
      for (int session = 0; session < numbers.get("sessions"); session++) {
        String name = "session-" + round + "-" + session;
        sessions.add(new SparkWorkers(python, Environment.ofSession(name)));
      }
      all[round] = Times.atOnce(sessions);
      beside[round] = besideSlowStart(sessions.get(0), slow(python, round));
      Thread.sleep(BETWEEN_ROUNDS_MILLIS);
    }
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put("new", Times.quantile(all, 0.5));
    figures.put("beside", Times.quantile(beside, 0.5));
    return figures;
  }

  /** Workers whose interpreter takes long to start. */
  private static SparkWorkers slow(String python, int round) throws Exception {
    Path modules = Files.createTempDirectory("slow-start");
    String text = "import time\ntime.sleep(" + SLOW_START_SECONDS + ")\n";
    Files.writeString(modules.resolve("sitecustomize.py"), text);
    Map<String, String> variables =
        Map.of("PYTHONPATH", modules.toString(), "SLOW", Integer.toString(round));
    return new SparkWorkers(python, Environment.with(variables));
  }

  /** How long an idle worker takes to be handed out while another key's interpreter starts. */
  private static <W> double besideSlowStart(Workers<W> workers, Workers<W> slow) throws Exception {
    workers.release(workers.create());
    CompletableFuture<W> starting = CompletableFuture.supplyAsync(slow::create);
    Thread.sleep(SLOW_STARTED_MILLIS);
    long started = System.nanoTime();
    W worker = workers.create();
    double seconds = Times.since(started);
    workers.destroy(worker);
    slow.destroy(starting.get());
    return seconds;
  }
}

package bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Seconds, and what many of them come to. */
final class Times {
  private Times() {}

  static double since(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }

  static double quantile(double[] values, double part) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(int) (part * (sorted.length - 1))];
  }

  /** Has a thread a worker ask at once: how long until the last one has its worker. */
  static <W> double atOnce(List<? extends Workers<W>> requests) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(requests.size());
    CountDownLatch ready = new CountDownLatch(requests.size());
    CountDownLatch go = new CountDownLatch(1);
    try {
      List<Future<W>> asked = new ArrayList<>();
      for (Workers<W> workers : requests) {
        Callable<W> request =
            () -> {
              ready.countDown();
              go.await();
              return workers.create();
            };
        asked.add(threads.submit(request));
      }
      ready.await();
      long started = System.nanoTime();
      go.countDown();
      List<W> made = new ArrayList<>();
      for (Future<W> one : asked) {
        made.add(one.get());
      }
      double seconds = since(started);
      for (int i = 0; i < made.size(); i++) {
        requests.get(i).destroy(made.get(i));
      }
      return seconds;
    } finally {
      threads.shutdownNow(); // a failed request must not leave threads that keep the JVM
    }
  }
}

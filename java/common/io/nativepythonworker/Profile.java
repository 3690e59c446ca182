package io.nativepythonworker;

import java.io.IOException;
import java.util.Collection;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an application has from those before it and leaves to the next one: a file of modules that
 * were found safe to load ahead. It is read and written in threads of their own, so that a file
 * system that hangs holds up neither start nor end, and whatever goes wrong is told once.
 */
final class Profile {
  static final String SETTING = "spark.nativePythonWorker.preload.profile";

  private static final Logger LOGGER =
      LoggerFactory.getLogger("io.nativepythonworker.NativePythonWorkerPlugin");

  /** How long start and end wait for the file, in milliseconds. */
  static final class Patience {
    static final Patience USUAL = new Patience(1_000, 5_000);

    private final long start;
    private final long end;

    Patience(long start, long end) {
      this.start = start;
      this.end = end;
    }
  }

  private final String name;
  private final ProfileFile file;
  private final boolean learns;
  private final Consumer<String> late;
  private final Patience patience;

  private final CountDownLatch read = new CountDownLatch(1);
  private final AtomicBoolean warned = new AtomicBoolean();

  /** Whether the file has been read, and has nothing in it that is not understood. */
  private volatile boolean sound;

  /** Separated by commas; null as long as it is not known. */
  private String modules;

  private boolean isLate;
  private boolean isOver;

  private Profile(
      String name, ProfileFile file, boolean learns, Consumer<String> late, Patience patience) {
    this.name = name;
    this.file = file;
    this.learns = learns;
    this.late = late;
    this.patience = patience;
  }

  /**
   * Begins to read the file that is set, if there is one.
   *
   * @param late is given the modules, separated by commas, if they are not there when they are
   *     first asked for
   * @return null where none is set
   */
  static Profile begin(
      SparkConf conf, Configuration hadoop, Consumer<String> late, Patience patience) {
    String name = conf.get(SETTING, "").trim();
    if (name.isEmpty()) {
      return null;
    }
    String learn = conf.get("spark.nativePythonWorker.preload.learn", "").trim();
    boolean learns = !learn.toLowerCase(Locale.ROOT).matches("off|false");
    Profile profile = new Profile(name, new ProfileFile(name, hadoop), learns, late, patience);
    DaemonThreads.make(profile::read, "native-python-worker-profile").start();
    return profile;
  }

  private void read() {
    try {
      ModuleList list = ModuleList.parse(file.read());
      sound = list.ignored().isEmpty();
      if (!sound) {
        warn(
            "{}={}: {} of its lines name no module, or more than {} modules, and are ignored, the"
                + " first of them {}; the file is left as it is",
            list.ignored().size(),
            ModuleList.MOST_MODULES,
            shortened(list.ignored().get(0)));
      }
      tell(String.join(",", list.modules()));
    } catch (Throwable failure) { // an uncaught one would end the JVM of a driver
      warn("{}={}: {}; nothing of it is loaded ahead", failure.getMessage());
      tell("");
    } finally {
      read.countDown();
    }
  }

  private static String shortened(String line) {
    String some = line.substring(0, Math.min(line.length(), 80));
    return '"' + some.replaceAll("\\p{Cntrl}", "?") + '"';
  }

  private synchronized void tell(String found) {
    modules = found;
    if (isLate && !isOver && !found.isEmpty()) {
      late.accept(found);
    }
  }

  /** The modules, separated by commas, waited for a little; null where they are still to come. */
  String await() {
    try {
      read.await(patience.start, TimeUnit.MILLISECONDS);
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
    synchronized (this) {
      isLate = modules == null;
      if (isLate) {
        LOGGER.info("{}={} is still being read: what comes late is loaded late", SETTING, name);
      }
      return modules;
    }
  }

  /** The modules that are known by now, separated by commas. */
  synchronized String known() {
    return modules == null ? "" : modules;
  }

  /** At the application's end: adds what was found safe, and takes out what was found unsafe. */
  void leave(Collection<String> safe, Collection<String> unsafe) {
    close();
    if (!learns || (safe.isEmpty() && unsafe.isEmpty())) {
      return;
    }
    if (read.getCount() > 0) {
      warn("{}={}: it is still being read since the start, so nothing is added to it");
      return;
    }
    if (!sound) {
      return;
    }
    Thread writing = DaemonThreads.make(() -> write(safe, unsafe), "native-python-worker-profile");
    writing.start();
    try {
      writing.join(patience.end);
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
    if (writing.isAlive()) {
      warn("{}={}: it is not written after {} ms, and nobody waits for that", patience.end);
    }
  }

  /** From now on nothing is loaded that comes late. */
  synchronized void close() {
    isOver = true;
  }

  private void write(Collection<String> safe, Collection<String> unsafe) {
    try {
      update(safe, unsafe);
    } catch (Throwable failure) {
      warn("{}={}: {}; it is left as it was", failure.getMessage());
    }
  }

  /** What other applications have made of it since it was read stays. */
  private void update(Collection<String> safe, Collection<String> unsafe) throws IOException {
    ModuleList last = ModuleList.parse(file.read());
    ModuleList next = last.changed(safe, unsafe);
    if (next.modules().equals(last.modules()) || !last.ignored().isEmpty()) {
      return;
    }
    file.write(next.text());
    LOGGER.info(
        "{}={}: added {}, taken out {}; applications to come start with what is in it",
        SETTING,
        name,
        difference(next.modules(), last.modules()),
        difference(last.modules(), next.modules()));
  }

  private static Set<String> difference(Set<String> some, Set<String> others) {
    Set<String> difference = new TreeSet<>(some);
    difference.removeAll(others);
    return difference;
  }

  private void warn(String text, Object... details) {
    Object[] all = new Object[details.length + 2];
    all[0] = SETTING;
    all[1] = name;
    System.arraycopy(details, 0, all, 2, details.length);
    if (warned.compareAndSet(false, true)) {
      LOGGER.warn(text, all);
    } else {
      LOGGER.debug(text, all);
    }
  }
}

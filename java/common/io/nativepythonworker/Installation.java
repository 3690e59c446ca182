package io.nativepythonworker;

import com.codahale.metrics.MetricRegistry;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.package$;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts the native factory into this JVM's SparkEnv, or says once why it could not. Never throws.
 */
public final class Installation {
  private static final Logger LOGGER =
      LoggerFactory.getLogger("io.nativepythonworker.NativePythonWorkerPlugin");

  /** In the driver's hints where it wants to know of its executors' Python workers. */
  private static final String LISTENS = "page";

  /** In the driver's hints, what its profile has, and what an executor asks if that came late. */
  private static final String PROFILE = "profile";

  /** What the hints have in its place then. */
  private static final String LATE = "?";

  /** What an executor asks the driver where what was found safe is to be loaded. */
  private static final String LEARNED = "learned";

  /** What Spark calls the executor of a driver that has no others. */
  private static final String DRIVER = "driver";

  /** How long an executor's start waits for the answer. */
  private static final long LEARNED_WITHIN_MILLIS = 1_000;

  /**
   * The SparkEnv that the last attempt was made on: in local mode both sides of the plugin come
   * with the same one.
   */
  private static WeakReference<SparkEnv> attempted = new WeakReference<>(null);

  /** The one whose metrics have the native side's figures. */
  private static WeakReference<SparkEnv> measured = new WeakReference<>(null);

  /** Set where the native factory serves the last SparkEnv. */
  private static SparkGeneration generation;

  /** What was started ahead of the first task; null where nothing was. */
  private static Prewarm prewarm;

  /** On the driver, what applications leave to each other; null without such a file. */
  private static volatile Profile profile;

  private Installation() {}

  /**
   * Replaces Spark's factory according to {@code conf}; a second call for the same SparkEnv does
   * nothing.
   */
  public static synchronized void install(SparkConf conf) {
    try {
      SparkEnv env = SparkEnv.get();
      if (attempted.get() == env) {
        return;
      }
      attempted = new WeakReference<>(env);
      forgetTheLast();
      if (conf.getBoolean("spark.nativePythonWorker.enabled", true)) {
        install(env, conf, SparkVersion.parse(package$.MODULE$.SPARK_VERSION()));
      }
    } catch (Throwable failure) {
      // A LinkageError would end the executor, a RuntimeException the SparkContext.
      warn(failure);
    }
  }

  /** What served another SparkContext of this JVM serves this one only if it is installed again. */
  private static void forgetTheLast() {
    generation = null;
    endPrewarm();
    closeProfile();
    WorkersUi.shutDown(); // nobody does it where a SparkContext has failed to start
  }

  private static void install(SparkEnv env, SparkConf conf, SparkVersion spark)
      throws ReflectiveOperationException {
    if (WorkerFactoryMap.isInstalled(env)) { // by this plugin in another class loader
      return;
    }
    SparkGeneration checked = spark.generation();
    Platform.check();
    String library = conf.get("spark.nativePythonWorker.library", "");
    warnOfAnother(library);
    NativePythonWorkerFactory.start(library);
    NativePythonWorkerFactory.checkSettings(conf);
    WorkerFactoryMap.install(env, checked);
    generation = checked;
    LOGGER.info(
        "Native Python Worker {} serves Python on Spark {}; library: {}",
        version(),
        spark,
        NativeLibrary.origin());
  }

  /**
   * Starts what the first task will need, if the native factory serves here; see {@link Prewarm}.
   *
   * @param hints what the driver's {@link #driverHints} gave
   */
  public static synchronized void prewarm(PluginContext plugin, Map<String, String> hints) {
    try {
      SparkConf conf = plugin.conf();
      if (generation != null && conf.getBoolean("spark.nativePythonWorker.prewarm", true)) {
        prewarm = new Prewarm(generation, conf, hints);
        prewarm.begin(DRIVER.equals(plugin.executorID()));
      }
    } catch (Throwable failure) { // the first task starts it
      LOGGER.debug("Failed to start Python workers ahead", failure);
    }
  }

  /**
   * Adds the native side's figures to Spark's metrics, where it serves here; in local mode, where
   * both sides of the plugin ask for it, once.
   */
  public static synchronized void measure(MetricRegistry registry) {
    try {
      SparkEnv env = SparkEnv.get();
      if (generation != null && measured.get() != env) {
        measured = new WeakReference<>(env);
        WorkerMetrics.register(registry);
      }
    } catch (Throwable failure) {
      LOGGER.warn("Failed to add Python workers to Spark's metrics", failure);
    }
  }

  /**
   * Adds the page of Python workers to the UI of {@code context}, where the native factory serves.
   *
   * @return what the driver has to tell its executors: about the Python that tasks will most likely
   *     run, what to load ahead, and whether it wants to be told of their workers
   */
  public static synchronized Map<String, String> driverHints(
      SparkContext context, PluginContext plugin) {
    Map<String, String> hints = new HashMap<>(LikelyPython.hints(plugin.conf()));
    if (generation == null) {
      return hints;
    }
    beginProfile(context);
    try {
      boolean listens = profile != null && !context.isLocal();
      if (WorkersUi.show(context, generation, plugin, listens)) {
        hints.put(LISTENS, "true");
      }
    } catch (Throwable failure) {
      LOGGER.warn("Failed to add the page of Python workers to Spark's UI", failure);
    }
    if (profile != null) {
      String modules = profile.await();
      hints.put(PROFILE, modules == null ? LATE : modules);
    }
    return hints;
  }

  private static void beginProfile(SparkContext context) {
    try {
      Consumer<String> late =
          context.isLocal() ? NativePythonWorkerFactory::loadToo : executorsAsk -> {};
      profile =
          Profile.begin(
              context.getConf(), context.hadoopConfiguration(), late, Profile.Patience.USUAL);
    } catch (Throwable failure) { // Hadoop's classes are others than we know
      LOGGER.warn("Failed to begin to read {}", Profile.SETTING, failure);
    }
  }

  /**
   * Tells the driver of this executor's workers from now on, if its hints say that it wants to
   * know.
   */
  public static synchronized void tell(PluginContext plugin, Map<String, String> hints) {
    try {
      if (generation != null && hints.containsKey(LISTENS)) {
        WorkersUi.tell(plugin);
      }
    } catch (Throwable failure) {
      LOGGER.warn(
          "Failed to start reporting this executor's Python workers to the driver", failure);
    }
  }

  /**
   * On the driver: takes what an executor tells of its workers, or answers what has been learned.
   *
   * @return the answer to a question, or null
   */
  public static Object hear(Object message) {
    try {
      Profile read = profile;
      String modules = read == null ? "" : read.known();
      if (PROFILE.equals(message)) {
        return modules;
      }
      if (LEARNED.equals(message)) {
        return modules + "," + WorkersUi.learned();
      }
      WorkersUi.receive(message);
    } catch (Throwable failure) {
      LOGGER.debug("Failed to read an executor's report of its Python workers", failure);
    }
    return null;
  }

  /**
   * On an executor: has the modules of the profile loaded, and asks the driver for what it has not
   * told yet and for what other executors have found safe, if that is to be loaded. An executor
   * that comes later starts with it. What the driver does not answer soon is loaded when it comes.
   *
   * @param hints what the driver's {@link #driverHints} gave
   */
  public static void loadWhatWasLearned(PluginContext plugin, Map<String, String> hints) {
    if (!serves()) {
      return;
    }
    if (!hints.getOrDefault(PROFILE, LATE).equals(LATE)) {
      loadToo(hints.get(PROFILE));
    }
    boolean loadsLearned = hints.containsKey(LISTENS) && WorkersUi.loadsLearned(plugin.conf());
    if (loadsLearned || LATE.equals(hints.get(PROFILE))) {
      ask(plugin, loadsLearned ? LEARNED : PROFILE);
    }
  }

  private static void loadToo(String modules) {
    try {
      NativePythonWorkerFactory.loadToo(modules);
    } catch (Throwable failure) {
      LOGGER.debug("Failed to have modules of the profile loaded ahead", failure);
    }
  }

  private static void ask(PluginContext plugin, String question) {
    CountDownLatch asked = new CountDownLatch(1);
    Runnable asking =
        () -> {
          askFor(question, plugin);
          asked.countDown();
        };
    DaemonThreads.make(asking, "native-python-worker-learned").start();
    try {
      asked.await(LEARNED_WITHIN_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
  }

  private static synchronized boolean serves() {
    return generation != null;
  }

  private static void askFor(String what, PluginContext plugin) {
    try {
      Object answer = plugin.ask(what);
      if (answer instanceof String) {
        NativePythonWorkerFactory.loadToo((String) answer);
      }
    } catch (Throwable failure) { // it learns for itself
      LOGGER.debug("Failed to ask the driver what can be loaded ahead", failure);
    }
  }

  /**
   * Lets go of what was started ahead, and waits until what the native side has logged so far has
   * reached the loggers. Spark stops its factories after its plugins, so none is stopped here.
   */
  public static synchronized void shutDown() {
    try {
      if (generation != null) {
        advise();
        leaveProfile();
      }
      WorkersUi.shutDown();
      endPrewarm();
      if (generation != null) {
        NativePythonWorkerFactory.releasePrewarmed();
      }
      NativeEvents.flush();
      NativeEvents.rest();
    } catch (Throwable failure) {
      LOGGER.debug("Failed to log the last messages of the native side", failure);
    }
  }

  /** Says what would have saved time. The driver does; in local mode its two sides come here. */
  private static void advise() {
    try {
      String advice = WorkersUi.advice();
      if (!advice.isEmpty()) {
        LOGGER.info(advice);
      }
    } catch (Throwable failure) {
      LOGGER.debug("Failed to say what loading ahead would have saved", failure);
    }
  }

  private static void leaveProfile() {
    try {
      if (profile != null) {
        WorkersUi.leave(profile);
      }
    } catch (Throwable failure) {
      LOGGER.warn("Failed to begin to write {}", Profile.SETTING, failure);
    }
    closeProfile();
  }

  private static void endPrewarm() {
    if (prewarm != null) {
      prewarm.end();
      prewarm = null;
    }
  }

  private static void closeProfile() {
    if (profile != null) {
      profile.close();
      profile = null;
    }
  }

  private static void warnOfAnother(String library) {
    if (!library.isEmpty() && NativeLibrary.isLoadedFromElsewhere(library)) {
      LOGGER.warn(
          "spark.nativePythonWorker.library names {}, but this JVM has loaded {} before and can"
              + " load no other: that one is used",
          library,
          NativeLibrary.origin());
    }
  }

  private static void warn(Throwable failure) {
    Throwable reason =
        failure instanceof ExceptionInInitializerError && failure.getCause() != null
            ? failure.getCause()
            : failure;
    LOGGER.warn(
        "Native Python Worker is not used; Spark's own factory serves Python: {}",
        reason.getMessage(),
        reason);
  }

  private static String version() {
    String version = NativePythonWorkerFactory.version();
    return version == null ? "(development build)" : version;
  }
}

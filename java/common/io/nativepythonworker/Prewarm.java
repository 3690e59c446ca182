package io.nativepythonworker;

import java.util.Map;
import org.apache.spark.SparkConf;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts what the first task will need before there is one. */
final class Prewarm {
  private static final Logger LOGGER = LoggerFactory.getLogger(Prewarm.class);

  /**
   * Where it can't be seen whether a driver's application uses Python: by then a session is up on
   * two cores, and the first job is planned for about as long as a zygote loads.
   */
  private static final long PATIENCE_MILLIS = 3_000;

  private final SparkGeneration serving;
  private final Map<String, String> environment;
  private final Map<String, String> properties;
  private final Thread awaiting =
      DaemonThreads.make(this::startWithPython, "native-python-worker-prewarm");
  private boolean ended;

  /**
   * @param hints what the driver's {@link Installation#driverHints} gave
   */
  Prewarm(SparkGeneration serving, SparkConf conf, Map<String, String> hints) {
    this.serving = serving;
    environment = LikelyPython.environment(serving.spark(), conf, hints);
    properties = serving.usualProperties(conf, LikelyPython.executable(hints), environment);
  }

  /**
   * Starts a zygote in the background, at once on an executor, which has nothing else to do. Beside
   * a driver it starts when that leaves a core to it, or when the application uses Python: a user
   * waits for the session, and its jobs may not need Python at all.
   */
  void begin(boolean besideDriver) {
    NativePythonWorkerFactory.prewarm(properties, environment, besideDriver);
    DaemonThreads.make(this::rehearse, "native-python-worker-rehearsal").start();
    if (besideDriver) {
      awaiting.start();
    }
  }

  /** Starts nothing more. */
  synchronized void end() {
    ended = true;
    awaiting.interrupt();
  }

  private void startWithPython() {
    try {
      awaitPython();
      start();
    } catch (InterruptedException end) {
      // it is over
    } catch (Throwable failure) { // the first task starts it
      LOGGER.debug("Failed to start Python workers ahead", failure);
    }
  }

  private static void awaitPython() throws InterruptedException {
    try {
      FirstPythonFunction.ofSpark().await();
    } catch (ReflectiveOperationException | RuntimeException failure) {
      LOGGER.debug("It cannot be seen here whether Python is used", failure);
      Thread.sleep(PATIENCE_MILLIS);
    }
  }

  private synchronized void start() {
    if (!ended) {
      NativePythonWorkerFactory.prewarm(properties, environment, false);
    }
  }

  private void rehearse() {
    try {
      Rehearsal.run(serving, environment);
    } catch (Throwable failure) { // an uncaught one would end an executor's JVM
      LOGGER.debug("Failed to rehearse a hand-out; the first one takes longer", failure);
    }
  }
}

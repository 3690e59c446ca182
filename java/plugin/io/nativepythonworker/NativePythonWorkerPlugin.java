package io.nativepythonworker;

import java.util.Collections;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets Rust serve Python on the driver and on every executor: the class to name in {@code
 * spark.plugins}.
 *
 * <p>Nothing here throws: where the native factory cannot be used, Spark's own goes on and one
 * warning says why. This class alone is compiled for Java 8, so that an old JVM gets that warning
 * as well.
 */
public final class NativePythonWorkerPlugin implements SparkPlugin {
  private static final int OLDEST_JAVA = 17;

  private static boolean warnedOfOldJava;

  @Override
  public DriverPlugin driverPlugin() {
    return new Driver();
  }

  @Override
  public ExecutorPlugin executorPlugin() {
    return new Executor();
  }

  private static final class Driver implements DriverPlugin {
    @Override
    public Map<String, String> init(SparkContext context, PluginContext pluginContext) {
      install(pluginContext);
      return javaVersion() >= OLDEST_JAVA
          ? Installation.driverHints(context, pluginContext)
          : Collections.<String, String>emptyMap();
    }

    @Override
    public Object receive(Object message) {
      return javaVersion() >= OLDEST_JAVA ? Installation.hear(message) : null;
    }

    @Override
    public void shutdown() {
      shutDown();
    }
  }

  private static final class Executor implements ExecutorPlugin {
    @Override
    public void init(PluginContext context, Map<String, String> extraConf) {
      install(context);
      if (javaVersion() >= OLDEST_JAVA && !extraConf.isEmpty()) {
        Installation.loadWhatWasLearned(context);
        Installation.prewarm(context.conf(), extraConf);
        Installation.tell(context, extraConf);
      }
    }

    @Override
    public void shutdown() {
      shutDown();
    }
  }

  private static void install(PluginContext context) {
    if (javaVersion() >= OLDEST_JAVA) {
      Installation.install(context.conf());
      Installation.measure(context.metricRegistry());
    } else {
      warnOfOldJava();
    }
  }

  private static void shutDown() {
    if (javaVersion() >= OLDEST_JAVA) {
      Installation.shutDown();
    }
  }

  private static synchronized void warnOfOldJava() {
    if (!warnedOfOldJava) {
      warnedOfOldJava = true;
      Logger logger = LoggerFactory.getLogger(NativePythonWorkerPlugin.class);
      logger.warn(
          "Native Python Worker needs Java {}, this is Java {}: Spark's own factory serves Python.",
          OLDEST_JAVA,
          javaVersion());
    }
  }

  /** The feature number of the running Java: 8 for "1.8". */
  private static int javaVersion() {
    String version = System.getProperty("java.specification.version");
    return Integer.parseInt(version.startsWith("1.") ? version.substring(2) : version);
  }
}

package io.nativepythonworker;

import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.api.plugin.SparkPlugin;

/**
 * Lets Rust serve Python on the driver and on every executor: the class to name in {@code
 * spark.plugins}.
 *
 * <p>Nothing here throws: where the native factory cannot be used, Spark's own goes on and one
 * warning says why.
 */
public final class NativePythonWorkerPlugin implements SparkPlugin {
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
      return Installation.driverHints(context, pluginContext);
    }

    @Override
    public Object receive(Object message) {
      return Installation.hear(message);
    }

    @Override
    public void shutdown() {
      Installation.shutDown();
    }
  }

  private static final class Executor implements ExecutorPlugin {
    @Override
    public void init(PluginContext context, Map<String, String> extraConf) {
      install(context);
      if (!extraConf.isEmpty()) {
        Installation.loadWhatWasLearned(context, extraConf);
        Installation.prewarm(context, extraConf);
        Installation.tell(context, extraConf);
      }
    }

    @Override
    public void shutdown() {
      Installation.shutDown();
    }
  }

  private static void install(PluginContext context) {
    Installation.install(context.conf());
    Installation.measure(context.metricRegistry());
  }
}

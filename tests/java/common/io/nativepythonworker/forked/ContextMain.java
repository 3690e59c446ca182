package io.nativepythonworker.forked;

import io.nativepythonworker.NativePythonWorkerPlugin;
import java.lang.reflect.Field;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;

/**
 * Starts a local SparkContext with the plugin and the settings given as key=value, and tells which
 * map Spark has then.
 *
 * <p>Not in the plugin's package: the first class of a package settles its version, which is to be
 * the jar's.
 */
public final class ContextMain {
  private ContextMain() {}

  public static void main(String[] settings) throws Exception {
    SparkConf conf =
        new SparkConf(false)
            .setMaster("local[1]")
            .setAppName("forked")
            .set("spark.ui.enabled", "false")
            .set("spark.driver.host", "127.0.0.1")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.plugins", NativePythonWorkerPlugin.class.getName());
    for (String setting : settings) {
      String[] pair = setting.split("=", 2);
      conf.set(pair[0], pair[1]);
    }
    SparkContext context = new SparkContext(conf);
    Field field = SparkEnv.class.getDeclaredField("pythonWorkers");
    field.setAccessible(true);
    System.out.println("map: " + field.get(SparkEnv.get()).getClass().getName());
    context.stop();
  }
}

package io.nativepythonworker;

import java.lang.ref.WeakReference;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext$;
import org.apache.spark.SparkEnv;
import scala.Tuple2;

/**
 * What the native side has to know about all factories of a SparkEnv alike. It is read once, not by
 * each session's first task.
 */
final class CommonProperties {
  private static final List<String> CONF_PREFIXES =
      Arrays.asList("spark.python.", "spark.nativePythonWorker.", "spark.authenticate.");

  private static final Pattern LOCAL_MASTER = Pattern.compile("local\\[(\\*|\\d+)(?:,.*)?]");

  private static CommonProperties last;

  private final WeakReference<SparkConf> conf;
  private final Map<String, String> values;

  private CommonProperties(SparkVersion spark, SparkConf conf) {
    this.conf = new WeakReference<>(conf);
    Map<String, String> read = settings(conf);
    read.put("sparkVersion", spark.toString());
    read.put(
        "preferIpv6",
        Boolean.toString("true".equals(System.getProperty("java.net.preferIPv6Addresses"))));
    read.put("unixChannels", Boolean.toString(Platform.hasUnixChannels()));
    read.put("taskSlots", Integer.toString(taskSlots(conf)));
    values = Collections.unmodifiableMap(read);
  }

  /**
   * Those of the SparkEnv that has this configuration, which does not change once Spark has
   * started.
   */
  static synchronized Map<String, String> of(SparkVersion spark, SparkConf conf) {
    if (last == null || last.conf.get() != conf) {
      last = new CommonProperties(spark, conf);
    }
    return last.values;
  }

  /** The settings of this project and those of Spark's own that it honours, by their own names. */
  static Map<String, String> settings(SparkConf conf) {
    Map<String, String> settings = new HashMap<>();
    for (Tuple2<String, String> entry : conf.getAll()) {
      if (CONF_PREFIXES.stream().anyMatch(entry._1()::startsWith)) {
        settings.put(entry._1(), entry._2());
      }
    }
    return settings;
  }

  /** How many tasks may run in this JVM at once, as far as the configuration tells. */
  private static int taskSlots(SparkConf conf) {
    int processors = Runtime.getRuntime().availableProcessors();
    return taskSlots(conf, SparkEnv.get().executorId(), processors);
  }

  static int taskSlots(SparkConf conf, String executor, int processors) {
    BigDecimal cores = BigDecimal.valueOf(cores(conf, executor, processors));
    return cores.divideToIntegralValue(taskCpus(conf)).max(BigDecimal.ONE).intValue();
  }

  /** How many processors a task has, which from Spark 4.3 on may be a part of one. */
  static BigDecimal taskCpus(SparkConf conf) {
    return new BigDecimal(conf.get("spark.task.cpus", "1"));
  }

  private static int cores(SparkConf conf, String executor, int processors) {
    Matcher local = LOCAL_MASTER.matcher(conf.get("spark.master", ""));
    if (local.matches()) {
      return local.group(1).equals("*") ? processors : Integer.parseInt(local.group(1));
    }
    if (executor.equals(SparkContext$.MODULE$.DRIVER_IDENTIFIER())) {
      return 1; // local, which runs one task, or a cluster's driver, which runs planners only
    }
    return conf.getInt("spark.executor.cores", processors);
  }
}

package io.nativepythonworker;

import static java.math.BigDecimal.ONE;

import java.io.File;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext$;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.python.PythonUtils;
import scala.Tuple2;
import scala.collection.Iterator;

/** What the native side has to know about a factory, as names and values. */
public final class FactoryProperties {
  private static final List<String> CONF_PREFIXES =
      Arrays.asList("spark.python.", "spark.nativePythonWorker.", "spark.authenticate.");

  private static final Pattern LOCAL_MASTER = Pattern.compile("local\\[(\\*|\\d+)(?:,.*)?]");

  private final Map<String, String> values = new HashMap<>();

  /**
   * Properties that follow from the arguments and from this JVM.
   *
   * @param useDaemon whether workers are forked by a daemon, as far as this factory is concerned
   * @param environment variables of the factory's key
   */
  public FactoryProperties(
      SparkVersion spark,
      SparkConf conf,
      String pythonExec,
      boolean useDaemon,
      Map<String, String> environment) {
    values.putAll(settings(conf));
    values.put("sparkVersion", spark.toString());
    values.put("pythonExec", pythonExec);
    values.put("useDaemon", Boolean.toString(useDaemon));
    values.put("pythonPath", pythonPath(environment));
    values.put(
        "preferIpv6",
        Boolean.toString("true".equals(System.getProperty("java.net.preferIPv6Addresses"))));
    values.put("unixChannels", Boolean.toString(Platform.hasUnixChannels()));
    values.put("taskSlots", Integer.toString(taskSlots(conf)));
    String root = SparkFiles.getRootDirectory();
    values.put("filesDirectory", new File(root).getAbsolutePath());
    String session = environment.getOrDefault("SPARK_JOB_ARTIFACT_UUID", "default");
    if (!session.equals("default")) {
      values.put("workingDirectory", new File(root, session).getPath());
    }
  }

  /**
   * Those of a factory that runs Spark's own worker module by its own daemon module, or what is
   * configured in their place.
   */
  public static FactoryProperties usual(
      SparkVersion spark, SparkConf conf, String pythonExec, Map<String, String> environment) {
    return new FactoryProperties(spark, conf, pythonExec, useDaemon(conf), environment)
        .with("workerModule", conf.get("spark.python.worker.module", "pyspark.worker"))
        .with("daemonModule", conf.get("spark.python.daemon.module", "pyspark.daemon"));
  }

  /** Whether workers are forked by a daemon, where Spark's caller does not say otherwise. */
  public static boolean useDaemon(SparkConf conf) {
    return conf.getBoolean("spark.python.use.daemon", true);
  }

  /** How many tasks may run in this JVM at once, as far as the configuration tells. */
  private static int taskSlots(SparkConf conf) {
    int processors = Runtime.getRuntime().availableProcessors();
    return taskSlots(conf, SparkEnv.get().executorId(), processors);
  }

  static int taskSlots(SparkConf conf, String executor, int processors) {
    int cores = cores(conf, executor, processors);
    return BigDecimal.valueOf(cores).divideToIntegralValue(taskCpus(conf)).max(ONE).intValue();
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

  /** Adds one property. */
  public FactoryProperties with(String name, String value) {
    values.put(name, value);
    return this;
  }

  /** Adds some properties. */
  public FactoryProperties withAll(Map<String, String> others) {
    values.putAll(others);
    return this;
  }

  /** All properties. */
  public Map<String, String> toMap() {
    return Collections.unmodifiableMap(new HashMap<>(values));
  }

  /** A Java map with the entries of a Scala one. */
  public static Map<String, String> toJava(scala.collection.immutable.Map<String, String> map) {
    Map<String, String> copy = new HashMap<>();
    Iterator<Tuple2<String, String>> entries = map.iterator();
    while (entries.hasNext()) {
      Tuple2<String, String> entry = entries.next();
      copy.put(entry._1(), entry._2());
    }
    return copy;
  }

  /**
   * Spark's own order; PythonUtils.mergePythonPaths does the same but differs in signature between
   * the generations.
   */
  private static String pythonPath(Map<String, String> environment) {
    return Stream.of(
            PythonUtils.sparkPythonPath(),
            environment.getOrDefault("PYTHONPATH", ""),
            System.getenv().getOrDefault("PYTHONPATH", ""))
        .filter(path -> !path.isEmpty())
        .collect(Collectors.joining(File.pathSeparator));
  }
}

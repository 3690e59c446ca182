package io.nativepythonworker;

import java.io.File;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.StringJoiner;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.python.PythonUtils;
import scala.Tuple2;
import scala.collection.Iterator;

/** What the native side has to know about a factory, as names and values. */
public final class FactoryProperties {
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
    values.putAll(CommonProperties.of(spark, conf));
    values.put("pythonExec", pythonExec);
    values.put("useDaemon", Boolean.toString(useDaemon));
    values.put("pythonPath", pythonPath(environment));
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
    StringJoiner path = new StringJoiner(File.pathSeparator);
    addTo(path, SparksPath.VALUE);
    addTo(path, environment.getOrDefault("PYTHONPATH", ""));
    addTo(path, System.getenv().getOrDefault("PYTHONPATH", ""));
    return path.toString();
  }

  private static void addTo(StringJoiner path, String items) {
    if (!items.isEmpty()) {
      path.add(items);
    }
  }

  /** Spark looks for the jar of one of its classes, which takes a millisecond. */
  private static final class SparksPath {
    static final String VALUE = PythonUtils.sparkPythonPath();
  }
}

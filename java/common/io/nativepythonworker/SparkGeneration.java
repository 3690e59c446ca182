package io.nativepythonworker;

import java.util.Map;
import org.apache.spark.SparkConf;

/** What differs between the generations of Spark, as far as making factories goes. */
public interface SparkGeneration extends WorkerFactoryBuilder {
  /** The Spark that runs here. */
  SparkVersion spark();

  /**
   * The properties of factories that run Spark's own worker module by its own daemon module, or
   * those that are configured in their place.
   *
   * @param environment variables of the factories' key
   */
  Map<String, String> usualProperties(
      SparkConf conf, String pythonExec, Map<String, String> environment);
}

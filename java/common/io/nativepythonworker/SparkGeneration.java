package io.nativepythonworker;

import io.nativepythonworker.ui.WorkersPage;
import java.io.IOException;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.ui.SparkUI;

/** What differs between the generations of Spark, as far as factories and the UI go. */
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

  /**
   * Hands out a connection of its own, which is no worker's, and closes it: what the first use of
   * all these classes costs is not left to the first task.
   *
   * @param properties those of the factory that the first task will most likely ask for
   * @param environment variables of that factory's key
   */
  void rehearse(Map<String, String> properties, Map<String, String> environment)
      throws IOException, ReflectiveOperationException;

  /** Adds a tab with the page of Python workers to Spark's UI. */
  void attach(SparkUI ui, WorkersPage page) throws ReflectiveOperationException;
}

package io.nativepythonworker;

import io.nativepythonworker.ui.WorkersPage;
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
   * Asks SparkEnv for a worker and gives it back, as a task does, and has it destroyed.
   *
   * @param pythonExec a rehearsal's; see {@link Rehearsal}
   * @param environment variables of the factory's key
   */
  void rehearse(String pythonExec, Map<String, String> environment);

  /** Adds a tab with the page of Python workers to Spark's UI. */
  void attach(SparkUI ui, WorkersPage page) throws ReflectiveOperationException;
}

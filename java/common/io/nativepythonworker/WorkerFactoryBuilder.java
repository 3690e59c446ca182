package io.nativepythonworker;

import java.util.Map;
import org.apache.spark.SparkConf;
import scala.Function0;
import scala.Product;

/** Makes factories for one Spark generation. */
public interface WorkerFactoryBuilder {
  /**
   * A started factory.
   *
   * @param key what SparkEnv knows the factory by
   * @param stock makes Spark's own factory for that key
   */
  Object build(Product key, Function0<?> stock);

  /**
   * The properties of factories that run Spark's own worker module by its own daemon module, or
   * those that are configured in their place.
   *
   * @param environment variables of the factories' key
   */
  Map<String, String> usualProperties(
      SparkConf conf, String pythonExec, Map<String, String> environment);
}

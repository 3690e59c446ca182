package io.nativepythonworker;

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
}

package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;

import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.Test;

public class LikelyPythonTest {
  private static String threads(String spark, SparkConf conf) {
    return LikelyPython.environment(SparkVersion.parse(spark), conf, Map.of())
        .get("OMP_NUM_THREADS");
  }

  private static String threads(String cpus) {
    return threads("4.3.0", new SparkConf(false).set("spark.task.cpus", cpus));
  }

  @Test
  public void aTaskHasAThreadForEachProcessorThatItMayUse() {
    assertEquals("2", threads("2"));
    assertEquals("2", threads("1.5"));
    assertEquals("1", threads("0.5"));
  }

  @Test
  public void theMemoryOfAnExecutorsPythonIsThatOfAllItsWorkers() {
    SparkConf conf = new SparkConf(false).set("spark.executor.pyspark.memory", "1200m");
    Map<String, String> environment =
        LikelyPython.environment(
            SparkVersion.parse("4.3.0"), conf.set("spark.executor.cores", "2"), Map.of());
    assertEquals("600", environment.get("PYSPARK_EXECUTOR_MEMORY_MB"));
  }

  @Test
  public void whatTheClusterAddsForExecutorsIsNotOfTheTasks() {
    SparkConf atFirst = new SparkConf(false).set("spark.executorEnv.MODE", "fast");
    Map<String, String> hints = LikelyPython.hints(atFirst);
    SparkConf ofAnExecutor = atFirst.set("spark.executorEnv.PYTHONPATH", "./pyspark.zip");
    Map<String, String> environment =
        LikelyPython.environment(SparkVersion.parse("4.3.0"), ofAnExecutor, hints);
    assertEquals("fast", environment.get("MODE"));
    assertNull(environment.get("PYTHONPATH"));
  }

  @Test
  public void beforeSpark35ItHasOneForEachOfTheExecutorWhereThatIsSet() {
    SparkConf conf = new SparkConf(false).set("spark.task.cpus", "2");
    assertNull(threads("3.4.4", conf));
    assertEquals("4", threads("3.4.4", conf.set("spark.executor.cores", "4")));
    assertEquals("2", threads("3.5.9", conf));
  }
}

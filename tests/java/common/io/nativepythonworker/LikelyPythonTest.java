package io.nativepythonworker;

import static org.junit.Assert.assertEquals;

import java.util.Map;
import org.apache.spark.SparkConf;
import org.junit.Test;

public class LikelyPythonTest {
  private static String threads(String cpus) {
    SparkConf conf = new SparkConf(false).set("spark.task.cpus", cpus);
    return LikelyPython.environment(SparkVersion.parse("4.3.0"), conf, Map.of())
        .get("OMP_NUM_THREADS");
  }

  @Test
  public void aTaskHasAThreadForEachProcessorThatItMayUse() {
    assertEquals("2", threads("2"));
    assertEquals("2", threads("1.5"));
    assertEquals("1", threads("0.5"));
  }
}

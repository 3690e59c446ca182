package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkFiles;
import org.apache.spark.api.python.PythonUtils;
import org.junit.ClassRule;
import org.junit.Test;

public class FactoryPropertiesTest {
  @ClassRule public static final TestSpark SPARK = new TestSpark();

  private static Map<String, String> properties(SparkConf conf, Map<String, String> environment) {
    return new FactoryProperties(SparkVersion.parse("4.3.0"), conf, "python3", true, environment)
        .toMap();
  }

  @Test
  public void aSessionHasADirectoryOfItsOwnAndTheDefaultOneHasNone() {
    SparkConf conf = new SparkConf(false);
    assertEquals(
        SparkFiles.getRootDirectory() + "/some-uuid",
        properties(conf, Map.of("SPARK_JOB_ARTIFACT_UUID", "some-uuid")).get("workingDirectory"));
    assertFalse(properties(conf, Map.of()).containsKey("workingDirectory"));
    assertFalse(
        properties(conf, Map.of("SPARK_JOB_ARTIFACT_UUID", "default"))
            .containsKey("workingDirectory"));
  }

  @Test
  public void sparksOwnPathsComeBeforeTheUsers() {
    String path =
        properties(new SparkConf(false), Map.of("PYTHONPATH", "/users/own")).get("pythonPath");
    assertTrue(path, path.startsWith(PythonUtils.sparkPythonPath() + ":/users/own"));
    assertTrue(path, path.contains("/python/lib/pyspark.zip:"));
  }

  @Test
  public void onlyTheKeysThatTheFactoryKnowsGoToTheNativeSide() {
    SparkConf conf =
        new SparkConf(false)
            .set("spark.python.worker.reuse", "false")
            .set("spark.nativePythonWorker.idleTimeout", "5s")
            .set("spark.authenticate.secretBitLength", "128")
            .set("spark.hadoop.password", "secret");
    Map<String, String> properties = properties(conf, Map.of());
    assertEquals("false", properties.get("spark.python.worker.reuse"));
    assertEquals("5s", properties.get("spark.nativePythonWorker.idleTimeout"));
    assertEquals("128", properties.get("spark.authenticate.secretBitLength"));
    assertFalse(properties.containsValue("secret"));
  }

  @Test
  public void scalasMapsBecomeJavas() {
    Map<String, String> map = Map.of("a", "1", "b", "2", "c", "");
    assertEquals(map, FactoryProperties.toJava(PythonUtils.toScalaMap(map)));
  }

  @Test
  public void theDriverOfAClusterHasOneSlot() {
    assertEquals("1", properties(new SparkConf(false), Map.of()).get("taskSlots"));
  }
}

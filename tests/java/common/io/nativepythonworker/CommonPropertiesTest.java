package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotSame;
import static org.junit.Assert.assertSame;

import org.apache.spark.SparkConf;
import org.junit.ClassRule;
import org.junit.Test;

public class CommonPropertiesTest {
  @ClassRule public static final TestSpark SPARK = new TestSpark();

  @Test
  public void theyAreReadOnceForASparkEnvAndAnewForTheNext() {
    SparkVersion spark = SparkVersion.parse("4.3.0");
    SparkConf conf = new SparkConf(false).set("spark.python.worker.reuse", "false");
    SparkConf next = new SparkConf(false).set("spark.python.worker.reuse", "true");
    assertSame(CommonProperties.of(spark, conf), CommonProperties.of(spark, conf));
    assertNotSame(CommonProperties.of(spark, conf), CommonProperties.of(spark, next));
    assertEquals("true", CommonProperties.of(spark, next).get("spark.python.worker.reuse"));
  }

  private static int slots(String master, String executor) {
    SparkConf conf =
        new SparkConf(false)
            .set("spark.master", master)
            .set("spark.executor.cores", "6")
            .set("spark.task.cpus", "2");
    return CommonProperties.taskSlots(conf, executor, 8);
  }

  @Test
  public void slotsAreThoseOfTheTasksThatRunInThisJvm() {
    assertEquals(4, slots("local[*]", "driver"));
    assertEquals(2, slots("local[5]", "driver"));
    assertEquals(2, slots("local[5,3]", "driver"));
    assertEquals(1, slots("local[1]", "driver"));
    assertEquals(1, slots("local", "driver"));
    assertEquals(3, slots("spark://host:7077", "0"));
    assertEquals(3, slots("local-cluster[2,6,1024]", "1"));
  }

  @Test
  public void aTaskMayHaveAPartOfAProcessor() {
    SparkConf conf = new SparkConf(false).set("spark.master", "local[4]");
    assertEquals(8, CommonProperties.taskSlots(conf.set("spark.task.cpus", "0.5"), "driver", 8));
    assertEquals(2, CommonProperties.taskSlots(conf.set("spark.task.cpus", "1.5"), "driver", 8));
  }

  @Test
  public void theDriverOfAClusterRunsNoTasks() {
    assertEquals(1, slots("spark://host:7077", "driver"));
    assertEquals(1, slots("yarn", "driver"));
    assertEquals(1, slots("local-cluster[2,6,1024]", "driver"));
  }
}

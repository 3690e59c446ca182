package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import java.lang.reflect.Field;
import org.apache.spark.SparkEnv;
import org.junit.After;
import org.junit.Before;
import org.junit.ClassRule;
import org.junit.Test;
import scala.Option;
import scala.Tuple2;
import scala.collection.mutable.HashMap;

public class WorkerFactoryMapTest {
  @ClassRule public static final TestSpark SPARK = new TestSpark();

  private HashMap<Object, Object> map;
  private Object original;

  @Before
  @SuppressWarnings("unchecked")
  public void findMap() throws ReflectiveOperationException {
    original = field().get(SparkEnv.get());
    map = (HashMap<Object, Object>) original;
  }

  @After
  public void restoreMap() throws ReflectiveOperationException {
    field().set(SparkEnv.get(), original);
  }

  private static Field field() throws ReflectiveOperationException {
    Field field = SparkEnv.class.getDeclaredField("pythonWorkers");
    field.setAccessible(true);
    return field;
  }

  @Test
  public void thePluginHasReplacedTheMapOnceAlthoughBothSidesRan()
      throws ReflectiveOperationException {
    assertEquals(WorkerFactoryMap.class, map.getClass());
    Installation.install(SparkEnv.get().conf());
    assertTrue(WorkerFactoryMap.isInstalled(SparkEnv.get()));
    assertSame(map, field().get(SparkEnv.get()));
  }

  @Test
  public void factoriesThatAreThereAlreadyAreKept() throws ReflectiveOperationException {
    HashMap<Object, Object> stock = new HashMap<>();
    stock.put("key", "factory");
    field().set(SparkEnv.get(), stock);
    assertFalse(WorkerFactoryMap.isInstalled(SparkEnv.get()));
    WorkerFactoryMap.install(SparkEnv.get(), (key, ignored) -> "new");
    WorkerFactoryMap replaced = (WorkerFactoryMap) field().get(SparkEnv.get());
    assertEquals("factory", replaced.getOrElseUpdate("key", () -> "other"));
    assertEquals(Option.apply("factory"), replaced.get("key"));
  }

  @Test
  public void aFactoryThatCannotBeBuiltIsSparksOwnAndOneWarningSaysWhy() {
    WorkerFactoryMap failing =
        new WorkerFactoryMap(
            (key, stock) -> {
              throw new IllegalArgumentException("bad setting");
            });
    try (LogRecorder log = new LogRecorder(WorkerFactoryMap.class.getName())) {
      assertEquals("stock", failing.getOrElseUpdate(new Tuple2<>("python", "a"), () -> "stock"));
      assertEquals("stock", failing.getOrElseUpdate(new Tuple2<>("python", "b"), () -> "stock"));
      assertEquals(1, log.lines().size());
      assertTrue(log.lines().get(0).contains("bad setting"));
    }
  }
}

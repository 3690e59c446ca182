package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.lang.reflect.Field;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
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

  private static WorkerFactoryMap failing() {
    return new WorkerFactoryMap(
        (key, stock) -> {
          throw new IllegalArgumentException("bad setting");
        });
  }

  @Test
  public void aFactoryThatCannotBeBuiltIsSparksOwnAndOneWarningSaysWhy() {
    WorkerFactoryMap failing = failing();
    try (LogRecorder log = new LogRecorder(WorkerFactoryMap.class.getName())) {
      assertEquals("stock", failing.getOrElseUpdate(new Tuple2<>("python", "a"), () -> "stock"));
      assertEquals("stock", failing.getOrElseUpdate(new Tuple2<>("python", "b"), () -> "stock"));
      assertEquals(1, log.lines().size());
      assertTrue(log.lines().get(0).contains("bad setting"));
    }
  }

  @Test
  public void aRehearsalThatFailsIsNotSparksOwnAndIsNoWarning() {
    WorkerFactoryMap failing = failing();
    Tuple2<String, String> key = new Tuple2<>("native-python-worker-rehearsal", "a");
    try (LogRecorder log = new LogRecorder(WorkerFactoryMap.class.getName())) {
      assertThrows(
          IllegalArgumentException.class, () -> failing.getOrElseUpdate(key, () -> "stock"));
      assertEquals(List.of(), log.lines());
    }
    assertTrue(failing.get(key).isEmpty());
  }

  private static NativePythonWorkerFactory<WorkerConnection> unused(Runnable close) {
    StandardOutput output =
        new StandardOutput() {
          @Override
          public void write(byte[] bytes) {
            throw new AssertionError("nothing is written");
          }

          @Override
          public void close() {
            close.run();
          }
        };
    return TestFactory.open(Map.of("spark.nativePythonWorker.zygote.idleTimeout", "1ms"), output);
  }

  private static WorkerFactoryMap mapOf(NativeBacked first, Object second) {
    Queue<Object> factories = new ArrayDeque<>(List.of(first, second));
    return new WorkerFactoryMap((key, stock) -> factories.remove());
  }

  private static Object get(WorkerFactoryMap map, String name) {
    return map.getOrElseUpdate(new Tuple2<>("python", name), () -> "stock");
  }

  @Test(timeout = 60_000)
  public void nobodyWaitsForAFactoryThatIsGivenUp() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    NativePythonWorkerFactory<?> unused =
        unused(
            () -> {
              awaitQuietly(goOn);
              closed.countDown();
            });
    assertTrue(TestSpark.eventually(unused::isUnused));
    NativeBacked first = () -> unused;
    WorkerFactoryMap factories = mapOf(first, "second");
    assertSame(first, get(factories, "a"));
    assertEquals("second", get(factories, "b"));
    assertTrue(factories.get(new Tuple2<>("python", "a")).isEmpty());
    goOn.countDown();
    closed.await();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  @Test
  public void aFactoryThatCannotBeStoppedDoesNotCostTheNewOne() throws Exception {
    NativePythonWorkerFactory<?> unused = unused(() -> {});
    assertTrue(TestSpark.eventually(unused::isUnused));
    AtomicInteger asked = new AtomicInteger();
    NativeBacked first =
        () -> {
          if (asked.getAndIncrement() > 0) { // whether it is unused comes first
            throw new IllegalStateException("not to be stopped");
          }
          return unused;
        };
    WorkerFactoryMap factories = mapOf(first, "second");
    get(factories, "a");
    try (LogRecorder log = new LogRecorder(WorkerFactoryMap.class.getName())) {
      assertEquals("second", get(factories, "b"));
      assertEquals(1, log.lines().size());
    }
    assertEquals("second", get(factories, "b"));
    assertTrue(factories.get(new Tuple2<>("python", "a")).isEmpty());
    unused.stop();
  }
}

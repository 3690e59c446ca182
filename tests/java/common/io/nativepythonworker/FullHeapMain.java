package io.nativepythonworker;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.apache.logging.log4j.Level;

/**
 * Takes a long log line from the native side while the heap has no room for it, then while it has
 * none for an exception either, and once more.
 */
final class FullHeapMain {
  private static final int LONG = 16 << 20;
  private static final int BLOCK = 1 << 20;
  private static final int MOST_BLOCKS = 1_000;
  private static final int FACTORY = -1;

  /** As reflection makes objects of its own. */
  private static final MethodHandle TAKE = take();

  private FullHeapMain() {}

  public static void main(String[] none) throws Throwable {
    NativePythonWorkerFactory.start("");
    keepEventThreadFromTaking();
    try (LogRecorder log = new LogRecorder(NativePythonWorkerFactory.LOG_NAME)) {
      log.setLevel(Level.DEBUG); // at which a factory that stops says for which Python it was
      TestFactory.open(Map.of("pythonExec", "x".repeat(LONG)), StandardOutput.STANDARD_ERROR)
          .giveUp();
    }
    System.out.println(isRefused(2) ? "no room" : "room");
    System.out.println(isRefused(0) ? "none at all" : "nothing to tell");
    NativeEvent event = (NativeEvent) TAKE.invokeExact();
    System.out.println(
        event != null && event.payload().length > LONG ? "there it is" : "it is lost");
  }

  private static void keepEventThreadFromTaking() throws Exception {
    CountDownLatch stuck = new CountDownLatch(1);
    NativeEvents.register(
        FACTORY,
        new NativeEvents.Receiver() {
          @Override
          public OutputThread standardOutput() {
            throw new AssertionError("nothing is written");
          }

          @Override
          public void closeIdle(long worker) {
            stuck.countDown();
            while (true) {
              LockSupport.park();
            }
          }
        });
    NativeEventsTest.closeFromNativeSide(FACTORY, 1);
    stuck.await();
  }

  private static MethodHandle take() {
    try {
      Method take = NativeEvents.class.getDeclaredMethod("take");
      take.setAccessible(true);
      return MethodHandles.lookup().unreflect(take);
    } catch (ReflectiveOperationException missing) {
      throw new AssertionError(missing);
    }
  }

  /** Whether an event finds no room in a heap that is full but for so many blocks. */
  private static boolean isRefused(int free) throws Throwable {
    Deque<byte[]> heap = new ArrayDeque<>(MOST_BLOCKS);
    Object[] rest = new Object[1];
    fill(heap);
    if (free == 0) {
      fillCompletely(rest);
    }
    for (int block = 0; block < free; block++) {
      heap.pop();
    }
    try {
      while ((NativeEvent) TAKE.invokeExact() != null) {
        continue; // a short one
      }
      return false;
    } catch (IllegalStateException | OutOfMemoryError refused) {
      return true;
    } finally {
      heap.clear();
      rest[0] = null;
    }
  }

  private static void fill(Deque<byte[]> heap) {
    try {
      while (true) {
        heap.push(new byte[BLOCK]);
      }
    } catch (OutOfMemoryError full) {
      return;
    }
  }

  private static void fillCompletely(Object[] rest) {
    for (int length = BLOCK / 8; length > 0; length /= 2) {
      try {
        while (true) {
          Object[] more = new Object[length];
          more[0] = rest[0];
          rest[0] = more;
        }
      } catch (OutOfMemoryError full) {
        continue; // but for what is smaller
      }
    }
  }
}

package io.nativepythonworker;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.apache.logging.log4j.Level;

/** Takes a long log line from the native side while the heap has no room for it, and once more. */
final class FullHeapMain {
  private static final int LONG = 16 << 20;
  private static final int BLOCK = 1 << 20;
  private static final int FACTORY = -1;

  private FullHeapMain() {}

  public static void main(String[] none) throws Exception {
    NativePythonWorkerFactory.start("");
    keepEventThreadFromTaking();
    try (LogRecorder log = new LogRecorder(NativePythonWorkerFactory.LOG_NAME)) {
      log.setLevel(Level.DEBUG); // at which a factory that stops says for which Python it was
      TestFactory.open(Map.of("pythonExec", "x".repeat(LONG)), StandardOutput.STANDARD_ERROR)
          .giveUp();
    }
    System.out.println(isRefused() ? "no room" : "room");
    NativeEvent event = (NativeEvent) method("take").invoke(null);
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

  private static Method method(String name) throws ReflectiveOperationException {
    Method method = NativeEvents.class.getDeclaredMethod(name);
    method.setAccessible(true);
    return method;
  }

  /** Whether an event finds no room in a heap that is full but for a little. */
  private static boolean isRefused() throws ReflectiveOperationException {
    Method take = method("take");
    Deque<byte[]> heap = new ArrayDeque<>();
    try {
      while (true) {
        heap.push(new byte[BLOCK]);
      }
    } catch (OutOfMemoryError full) {
      heap.pop();
      heap.pop();
    }
    try {
      while (take.invoke(null) != null) {
        continue; // a short one
      }
      return false;
    } catch (InvocationTargetException refused) {
      return true;
    } finally {
      heap.clear();
    }
  }
}

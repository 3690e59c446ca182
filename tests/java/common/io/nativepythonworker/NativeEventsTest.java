package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.lang.Thread.State;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.apache.logging.log4j.Level;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class NativeEventsTest {
  private static final long FACTORY = -1;

  private static final long STUCK = 0;

  private final List<String> received = new CopyOnWriteArrayList<>();
  private final OutputThread output = OutputThread.of(FACTORY, new ReceivedOutput());
  private final CountDownLatch stuck = new CountDownLatch(1);
  private final CountDownLatch goOn = new CountDownLatch(1);
  private LogRecorder log;

  @Before
  public void register() {
    NativePythonWorkerFactory.start("");
    log = new LogRecorder(NativePythonWorkerFactory.LOG_NAME);
    NativeEvents.register(
        FACTORY,
        new NativeEvents.Receiver() {
          @Override
          public OutputThread standardOutput() {
            return output;
          }

          @Override
          public void closeIdle(long worker) {
            if (worker == 13) {
              throw new IllegalStateException("bad worker");
            }
            received.add("close " + worker);
            if (worker == STUCK) {
              stuck.countDown();
              awaitQuietly(goOn);
            }
          }
        });
  }

  private final class ReceivedOutput implements StandardOutput {
    @Override
    public void write(byte[] bytes) {
      String text = new String(bytes, StandardCharsets.UTF_8);
      received.add("output " + text);
      if (text.equals("stuck")) {
        awaitQuietly(goOn);
      }
    }

    @Override
    public void close() {
      received.add("closed");
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  @After
  public void unregister() throws Exception {
    goOn.countDown();
    NativeEvents.unregister(FACTORY, () -> {});
    assertTrue(TestSpark.eventually(() -> !NativeEvents.isLagging())); // the next test may flush
    log.close();
    NativeEvents.followLevel();
  }

  private static void deliver(int kind, long number, String payload) {
    NativeEvents.deliver(
        new NativeEvent(kind, FACTORY, number, payload.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  public void logLinesKeepTheirLevel() {
    for (int level = 1; level <= 5; level++) {
      deliver(NativeEvent.LOG, level, "zügig " + level);
    }
    assertEquals(
        List.of("ERROR zügig 1", "WARN zügig 2", "INFO zügig 3", "DEBUG zügig 4", "TRACE zügig 5"),
        log.lines());
  }

  @Test
  public void outputGoesToItsFactoryAndErrorsToTheStandardError() throws Exception {
    PrintStream before = System.err;
    ByteArrayOutputStream error = new ByteArrayOutputStream();
    System.setErr(new PrintStream(error, false));
    try {
      deliver(NativeEvent.OUTPUT, 1, "out");
      deliver(NativeEvent.OUTPUT, 2, "err");
    } finally {
      System.setErr(before);
    }
    assertTrue(TestSpark.eventually(() -> received.equals(List.of("output out"))));
    assertEquals("err", error.toString(StandardCharsets.UTF_8));
  }

  @Test(timeout = 60_000)
  public void outputThatIsStuckHoldsUpNobodyElse() throws Exception {
    deliver(NativeEvent.OUTPUT, 1, "stuck");
    deliver(NativeEvent.OUTPUT, 1, "next");
    assertTrue(TestSpark.eventually(() -> received.contains("output stuck")));
    deliver(NativeEvent.CLOSE, 14, "");
    closeFromNativeSide(15); // what the event thread brings
    assertTrue(TestSpark.eventually(() -> received.contains("close 15")));
    assertEquals(List.of("output stuck", "close 14", "close 15"), received);
    goOn.countDown();
    assertTrue(TestSpark.eventually(() -> received.contains("output next")));
  }

  @Test
  public void aBadEventIsLoggedOnceAndTheNextOneIsDelivered() {
    deliver(NativeEvent.CLOSE, 13, "");
    deliver(99, 0, "");
    deliver(NativeEvent.CLOSE, 14, "");
    assertEquals(List.of("close 14"), received);
    assertTrue(log.lines().size() <= 1); // once in the life of the JVM
  }

  @Test
  public void eventsKeepTheirOrderWhoeverDeliversThem() throws Exception {
    closeFromNativeSide(STUCK);
    awaitQuietly(stuck); // the event thread has this one in hand
    List<String> expected = new ArrayList<>(List.of("close " + STUCK));
    for (long worker = 20; worker < 40; worker++) {
      closeFromNativeSide(worker);
      expected.add("close " + worker);
    }
    List<Thread> stopping = new ArrayList<>();
    for (int n = 0; n < 4; n++) {
      stopping.add(new Thread(NativeEvents::flush));
      stopping.get(n).start();
    }
    List<State> waiting = List.of(State.BLOCKED, State.TIMED_WAITING, State.TERMINATED);
    assertTrue(
        TestSpark.eventually(
            () -> stopping.stream().allMatch(t -> waiting.contains(t.getState()))));
    goOn.countDown();
    for (Thread thread : stopping) {
      thread.join();
    }
    TestSpark.eventually(() -> received.size() == expected.size());
    assertEquals(expected, received);
  }

  @Test(timeout = 60_000)
  public void aReceiverThatIsStuckHoldsNobodyUpForGood() throws Exception {
    closeFromNativeSide(STUCK);
    awaitQuietly(stuck);
    closeFromNativeSide(20);
    for (int factory = 0; factory < 100; factory++) { // they wait for the limit once, not each
      NativeEvents.flush();
    }
    assertEquals(List.of("close " + STUCK), received);
    goOn.countDown();
    TestSpark.eventually(() -> received.size() == 2);
    assertEquals(List.of("close " + STUCK, "close 20"), received);
  }

  @Test
  public void whatIsDoneLastIsDoneBehindWhatHasHappened() throws Exception {
    closeFromNativeSide(STUCK);
    awaitQuietly(stuck);
    closeFromNativeSide(20);
    NativeEvents.unregister(FACTORY, () -> received.add("last"));
    assertEquals(List.of("close " + STUCK), received);
    goOn.countDown();
    TestSpark.eventually(() -> received.size() == 3);
    assertEquals(List.of("close " + STUCK, "close 20", "last"), received);
  }

  @Test
  public void anEventThatFindsNoRoomInTheHeapIsNotLost() throws Exception {
    String output = new ForkedJvm().option("-Xmx96m").run(FullHeapMain.class);
    assertTrue(output, output.contains("no room\nnone at all\nthere it is\n"));
  }

  @Test
  public void anInterruptedThreadDeliversAndStaysInterrupted() throws Exception {
    closeFromNativeSide(20);
    Thread.currentThread().interrupt();
    NativeEvents.flush();
    assertTrue(Thread.interrupted());
    assertEquals(List.of("close 20"), received);
  }

  @Test
  public void afterTheShutdownItIsInJavaAndStillDelivers() throws Exception {
    assertTrue(TestSpark.eventually(() -> isInNativeCode()));
    Installation.shutDown();
    assertTrue(TestSpark.eventually(() -> eventThread().getState() == State.TIMED_WAITING));
    closeFromNativeSide(20);
    closeFromNativeSide(21);
    assertTrue(TestSpark.eventually(() -> received.size() == 2));
    NativeEvents.start();
    assertTrue(TestSpark.eventually(() -> isInNativeCode()));
    assertEquals(List.of("close 20", "close 21"), received);
  }

  private static boolean isInNativeCode() {
    StackTraceElement[] stack = eventThread().getStackTrace();
    return stack.length > 0 && stack[0].getMethodName().equals("await");
  }

  private static Thread eventThread() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("native-python-worker-events"))
        .findFirst()
        .orElseThrow();
  }

  /** A worker given back to a factory that the native side does not have is to be closed. */
  private static void closeFromNativeSide(long worker) throws ReflectiveOperationException {
    closeFromNativeSide(FACTORY, worker);
  }

  static void closeFromNativeSide(long factory, long worker) throws ReflectiveOperationException {
    Method release =
        NativePythonWorkerFactory.class.getDeclaredMethod("release", long.class, long.class);
    release.setAccessible(true);
    release.invoke(null, factory, worker);
  }

  @Test
  public void theNativeSideFollowsTheLoggersLevel() {
    NativePythonWorkerFactory<WorkerConnection> factory = TestFactory.open();
    log.setLevel(Level.OFF);
    factory.stop();
    assertEquals(List.of(), log.lines());

    log.setLevel(Level.DEBUG);
    TestFactory.open().stop(); // what is logged last is delivered before stop returns
    assertEquals(1, log.lines().size());
    assertTrue(log.lines().get(0), log.lines().get(0).startsWith("DEBUG Stopping the factory"));
  }
}

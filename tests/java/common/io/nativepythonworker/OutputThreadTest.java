package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.After;
import org.junit.BeforeClass;
import org.junit.Test;

public class OutputThreadTest {
  private static final long FACTORY = -2;
  private static final String STUCK = "stuck";
  private static final String BAD = "bad";

  private final List<String> written = new CopyOnWriteArrayList<>();
  private final List<Thread> made = new CopyOnWriteArrayList<>();
  private final CountDownLatch goOn = new CountDownLatch(1);
  private boolean noMemory;

  private final OutputThread output = new OutputThread(new Written(), this::make);

  private final class Written implements StandardOutput {
    @Override
    public void write(byte[] bytes) {
      String text = new String(bytes);
      if (text.equals(BAD)) {
        throw new IllegalStateException(text);
      }
      written.add(text);
      if (text.equals(STUCK)) {
        awaitGoOn();
      }
    }

    @Override
    public void close() {
      written.add("closed");
    }
  }

  private void awaitGoOn() {
    try {
      goOn.await();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  private Thread make(Runnable work) {
    Thread thread = noMemory ? new Unstartable() : new Thread(work);
    made.add(thread);
    return thread;
  }

  /** What the system has no thread for. */
  private static final class Unstartable extends Thread {
    @Override
    public void start() {
      throw new OutOfMemoryError("unable to create native thread");
    }
  }

  @BeforeClass
  public static void start() {
    NativePythonWorkerFactory.start("");
  }

  @After
  public void end() throws Exception {
    goOn.countDown();
    output.close();
    output.awaitClosed();
  }

  private void write(String text) {
    output.write(
        new NativeEvent(NativeEvent.OUTPUT, FACTORY, NativeEvent.STANDARD_OUTPUT, text.getBytes()));
  }

  @Test(timeout = 60_000)
  public void itKeepsTheOrderAndClosesBehindAll() throws Exception {
    List<String> expected = new ArrayList<>();
    for (int piece = 0; piece < 100; piece++) {
      write("piece " + piece);
      expected.add("piece " + piece);
    }
    expected.add("closed");
    output.close();
    assertTrue(TestSpark.eventually(() -> written.size() == expected.size()));
    assertEquals(expected, written);
    assertEquals(1, made.size());
    made.get(0).join(); // with nothing left to wait for
  }

  @Test(timeout = 60_000)
  public void whatCannotBeWrittenIsFollowedByWhatCan() throws Exception {
    write(BAD);
    write("good");
    assertTrue(TestSpark.eventually(() -> written.equals(List.of("good"))));
  }

  @Test(timeout = 60_000)
  public void aThreadThatHasEndedIsStartedAgain() throws Exception {
    write("first");
    assertTrue(TestSpark.eventually(() -> written.size() == 1));
    made.get(0).interrupt(); // it would rest for longer
    made.get(0).join();
    write("second");
    assertTrue(TestSpark.eventually(() -> written.size() == 2));
    assertEquals(2, made.size());
  }

  @Test(timeout = 60_000)
  public void oneThatCouldNotStartIsStartedByTheNextCreate() throws Exception {
    noMemory = true;
    write("first");
    noMemory = false;
    output.keepRunning();
    assertTrue(TestSpark.eventually(() -> written.equals(List.of("first"))));
  }

  @Test(timeout = 60_000)
  public void manyThatAreStuckHoldUpWhoStopsOnceAndNotEach() throws Exception {
    List<OutputThread> stuck = new ArrayList<>();
    for (int factory = 0; factory < 200; factory++) {
      OutputThread one = new OutputThread(new Written(), this::make);
      one.write(
          new NativeEvent(
              NativeEvent.OUTPUT, FACTORY, NativeEvent.STANDARD_OUTPUT, STUCK.getBytes()));
      one.close();
      stuck.add(one);
    }
    stuck.forEach(OutputThread::awaitClosed);
    assertTrue(!written.contains("closed"));
    goOn.countDown();
    assertTrue(
        TestSpark.eventually(() -> written.stream().filter("closed"::equals).count() == 200));
  }

  @Test(timeout = 60_000)
  public void theOutputOfAFactoryThatStopsIsClosedThoughAnotherIsStuck() throws Exception {
    NativePythonWorkerFactory<?> other = TestFactory.open(Map.of(), new Written());
    write(STUCK);
    assertTrue(TestSpark.eventually(() -> written.contains(STUCK)));
    output.close();
    output.awaitClosed(); // in vain
    other.stop();
    assertTrue(TestSpark.eventually(() -> written.equals(List.of(STUCK, "closed"))));
  }
}

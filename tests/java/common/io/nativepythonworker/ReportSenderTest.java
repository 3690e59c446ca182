package io.nativepythonworker;

import static io.nativepythonworker.TestSpark.eventually;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.After;
import org.junit.Test;

public class ReportSenderTest {
  private static final long AN_HOUR = 3_600_000;

  private final AtomicInteger workers = new AtomicInteger();
  private final AtomicInteger looks = new AtomicInteger();
  private final List<String> sent = new CopyOnWriteArrayList<>();
  private ReportSender sender;

  private void start(Consumer<String> receiver, ReportSender.Pauses pauses) {
    sender =
        new ReportSender(
            () -> {
              looks.incrementAndGet();
              return ExecutorReportTest.of(ExecutorReportTest.told(workers.get()));
            },
            receiver,
            pauses);
    sender.start();
  }

  @After
  public void stop() {
    sender.stop();
  }

  @Test
  public void anIdleExecutorSaysSoOnce() throws Exception {
    start(sent::add, new ReportSender.Pauses(1, 1, 1));
    assertTrue(eventually(() -> looks.get() > 20));
    assertEquals(1, sent.size());
  }

  @Test
  public void oneWithWorkersGoesOnTelling() throws Exception {
    workers.set(1);
    start(sent::add, new ReportSender.Pauses(AN_HOUR, 1, 1));
    assertTrue(eventually(() -> sent.size() > 20));
  }

  @Test
  public void aWorkerThatIsMadeEndsTheRest() throws Exception {
    start(sent::add, new ReportSender.Pauses(AN_HOUR, 1, 1));
    assertTrue(eventually(() -> looks.get() == 2)); // it said so, and looked once more
    workers.set(1);
    assertTrue(
        eventually(
            () -> {
              sender.wake();
              return sent.size() > 2;
            }));
  }

  @Test
  public void aDriverThatCannotBeToldIsToldLater() throws Exception {
    start(
        text -> {
          if (looks.get() < 3) {
            throw new IllegalStateException("no driver yet");
          }
          sent.add(text);
        },
        new ReportSender.Pauses(AN_HOUR, 1, 1));
    assertTrue(eventually(() -> !sent.isEmpty()));
  }

  @Test
  public void itEndsWithoutWaitingForARestToEnd() throws Exception {
    start(sent::add, new ReportSender.Pauses(AN_HOUR, AN_HOUR, AN_HOUR));
    sender.stop();
    assertTrue(
        eventually(
            () ->
                Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().equals("native-python-worker-ui"))));
  }
}

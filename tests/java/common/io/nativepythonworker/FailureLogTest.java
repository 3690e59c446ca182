package io.nativepythonworker;

import static org.junit.Assert.assertEquals;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.After;
import org.junit.Test;
import org.slf4j.LoggerFactory;

public class FailureLogTest {
  private static final String NAME = "io.nativepythonworker.failures";

  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE); // a clock may pass the end
  private final FailureLog failures =
      new FailureLog(LoggerFactory.getLogger(NAME), "lost ({} more)", now::get);
  private Appending appender;

  private void fail() {
    failures.log(new IllegalStateException("bad"));
  }

  @Test
  public void oneAMinuteIsLoggedWithTheNumberOfTheOthers() {
    try (LogRecorder log = new LogRecorder(NAME)) {
      fail();
      fail();
      now.addAndGet(TimeUnit.SECONDS.toNanos(59));
      fail();
      assertEquals(List.of("ERROR lost (0 more)"), log.lines());
      now.addAndGet(TimeUnit.SECONDS.toNanos(1));
      fail();
      now.addAndGet(TimeUnit.SECONDS.toNanos(60));
      fail();
      assertEquals(
          List.of("ERROR lost (0 more)", "ERROR lost (2 more)", "ERROR lost (0 more)"),
          log.lines());
    }
  }

  @Test
  public void aLoggerThatFailsIsNobodysFailure() {
    appender =
        new Appending(
            () -> {
              throw new OutOfMemoryError("no memory to log");
            });
    fail();
  }

  @Test(timeout = 60_000)
  public void aLoggerThatIsStuckHoldsUpNobodyElse() throws Exception {
    CountDownLatch stuck = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    appender =
        new Appending(
            () -> {
              stuck.countDown();
              awaitQuietly(goOn);
            });
    Thread thread = new Thread(this::fail);
    thread.start();
    stuck.await();
    fail(); // returns
    goOn.countDown();
    thread.join();
  }

  @After
  public void removeAppender() {
    if (appender != null) {
      appender.remove();
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException interrupted) {
      throw new AssertionError(interrupted);
    }
  }

  /** Does something for each line. */
  private static final class Appending extends AbstractAppender {
    private final Runnable append;
    private final Logger logger = (Logger) LogManager.getLogger(NAME);

    Appending(Runnable append) {
      super("appending", null, null, false, Property.EMPTY_ARRAY);
      this.append = append;
      start();
      logger.addAppender(this);
    }

    @Override
    public void append(LogEvent event) {
      append.run();
    }

    void remove() {
      logger.removeAppender(this);
    }
  }
}

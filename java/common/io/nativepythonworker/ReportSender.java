package io.nativepythonworker;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells of this JVM's Python workers, from a thread of its own: every few seconds while there are
 * some or something changes. Else it rests, looks once in a while, and says nothing.
 */
final class ReportSender {
  private static final Logger LOGGER = LoggerFactory.getLogger(ReportSender.class);
  private static final long STOP_MILLIS = 1_000;

  /**
   * How long it waits: for something to happen, between two reports, and for what has begun to
   * settle.
   */
  static final class Pauses {
    static final Pauses USUAL = new Pauses(60_000, 5_000, 500);

    private final long rest;
    private final long work;
    private final long wake;

    Pauses(long rest, long work, long wake) {
      this.rest = rest;
      this.work = work;
      this.wake = wake;
    }
  }

  private final Supplier<ExecutorReport> reports;
  private final Consumer<String> receiver;
  private final Pauses pauses;
  private final Thread thread = DaemonThreads.make(this::run, "native-python-worker-ui");

  private volatile boolean resting;

  /** Something has happened since the last look; a report may be a second old and not have it. */
  private volatile boolean woken;

  private volatile boolean stopped;
  private JsonNode told;

  ReportSender(Supplier<ExecutorReport> reports, Consumer<String> receiver, Pauses pauses) {
    this.reports = reports;
    this.receiver = receiver;
    this.pauses = pauses;
  }

  void start() {
    thread.start();
  }

  /** Ends the thread, and waits for that a little. */
  void stop() {
    stopped = true;
    LockSupport.unpark(thread);
    try {
      thread.join(STOP_MILLIS);
    } catch (InterruptedException again) {
      Thread.currentThread().interrupt();
    }
  }

  /** There is something new to tell. */
  void wake() {
    woken = true;
    if (resting) {
      LockSupport.unpark(thread);
    }
  }

  private void run() {
    pause(pauses.wake);
    while (!stopped) {
      boolean expected = woken;
      woken = false;
      if (tell() || expected) {
        pause(pauses.work);
      } else {
        rest();
      }
    }
  }

  private void rest() {
    resting = true;
    if (!woken) {
      pause(pauses.rest);
    }
    resting = false;
    if (woken) { // by a task that starts: let it have the processor
      pause(pauses.wake);
    }
  }

  private void pause(long millis) {
    if (!stopped) {
      LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(millis));
    }
  }

  /** Whether there was something to tell, or may be soon. */
  private boolean tell() {
    try {
      ExecutorReport report = reports.get();
      boolean news = report.hasWorkers() || !report.gist().equals(told);
      if (news) {
        receiver.accept(report.text());
        told = report.gist();
      }
      return news;
    } catch (Throwable failure) { // an uncaught one would end an executor's JVM
      LOGGER.debug("Failed to report Python workers to the driver", failure);
      return true;
    }
  }
}

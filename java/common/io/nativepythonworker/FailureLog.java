package io.nativepythonworker;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;

/**
 * Logs failures of one kind, at most one a minute. Never throws, for who calls it has nobody to
 * tell; and holds no lock meanwhile, as a logger may be stuck.
 */
final class FailureLog {
  private static final long PAUSE_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final Logger logger;
  private final String message;
  private final LongSupplier clock;
  private boolean logged;
  private long lastLogged;
  private long unlogged;

  /**
   * @param message has one place, for the number of failures that were not logged
   * @param clock in nanoseconds
   */
  FailureLog(Logger logger, String message, LongSupplier clock) {
    this.logger = logger;
    this.message = message;
    this.clock = clock;
  }

  void log(Throwable failure) {
    try {
      if (isDue()) {
        logger.error(message, takeUnlogged(), failure);
      }
    } catch (Throwable again) { // such as no memory: there may be some the next time
      return;
    }
  }

  private synchronized boolean isDue() {
    long now = clock.getAsLong();
    if (logged && now - lastLogged < PAUSE_NANOS) {
      unlogged++;
      return false;
    }
    logged = true;
    lastLogged = now;
    return true;
  }

  private synchronized long takeUnlogged() {
    long count = unlogged;
    unlogged = 0;
    return count;
  }
}

package io.nativepythonworker;

import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has the native side hear of a connection's end on this side once, whoever ends it. */
public final class ConnectionEnd {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  private final Runnable tell;
  private final String warning;
  private final AtomicBoolean told = new AtomicBoolean();

  /**
   * @param tell called once, when the user of the connection has closed it
   * @param warning what this Spark says where an idle connection can't be closed
   */
  public ConnectionEnd(Runnable tell, String warning) {
    this.tell = tell;
    this.warning = warning;
  }

  /**
   * Closes what connects the two sides.
   *
   * @param <E> what it may throw
   */
  public interface Closing<E extends Exception> {
    void close() throws E;
  }

  /** Runners close workers by this, often without a word to the factory. */
  public <E extends Exception> void close(Closing<E> connection) throws E {
    try {
      connection.close(); // first, so that who reads here learns that it was closed on this side
    } finally {
      if (!told.getAndSet(true)) {
        tell.run();
      }
    }
  }

  /** Closes it without telling the native side, which knows. Never throws. */
  public void discard(Closing<?> connection) {
    told.set(true);
    try {
      connection.close();
    } catch (Exception failure) {
      LOGGER.warn(warning, failure);
    }
  }
}

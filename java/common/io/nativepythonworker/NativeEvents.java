package io.nativepythonworker;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings what happens on native threads to Java: one daemon thread of ours fetches it, so that none
 * of theirs enters the JVM.
 */
final class NativeEvents {
  /** The logger of Spark's own factory, so that the level that users have set there counts. */
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  private static final long WAIT_MILLIS = 10_000;
  private static final long REST_MILLIS = 1_000;
  private static final long PAUSE_AFTER_FAILURE_MILLIS = 1_000;

  /** Processes that go on writing, or a logger that is stuck, must not hold up whoever stops. */
  private static final long MAX_FLUSH_NANOS = 1_000_000_000;

  private static final Map<Long, Receiver> RECEIVERS = new ConcurrentHashMap<>();

  /** What is to be done when all that has happened before is delivered. */
  private static final Queue<Runnable> AFTERWARDS = new ConcurrentLinkedQueue<>();

  /** Held from taking an event until it is delivered, so that no two swap places. */
  private static final ReentrantLock DELIVERY = new ReentrantLock();

  private static final LastingThread THREAD =
      new LastingThread(
          work -> DaemonThreads.make(work, "native-python-worker-events"), NativeEvents::run);

  static final FailureLog FAILURES =
      new FailureLog(
          LOGGER,
          "Events of the native side are late or lost ({} more failures since the last such"
              + " message)",
          System::nanoTime);

  /** The library is loaded: nothing native may be called before. */
  private static boolean started;

  /** A JVM that ends waits up to 300 ms for threads in native code, so ours rests in Java. */
  private static boolean resting;

  private static volatile int level = -1;

  /**
   * A flush has given up and not all is delivered since. Others do not wait as well: SparkEnv stops
   * its factories one by one.
   */
  private static volatile boolean lagging;

  private NativeEvents() {}

  /** The Java side of a factory, as far as events go. */
  interface Receiver {
    /**
     * Who writes what the factory's Python processes print; null where it goes the way of what they
     * write to their standard error.
     */
    OutputThread standardOutput();

    /** Closes the socket of an idle worker that the native side has taken out of its pool. */
    void closeIdle(long worker);
  }

  static void register(long factory, Receiver receiver) {
    RECEIVERS.put(factory, receiver);
    start();
  }

  /**
   * From now on the factory's receiver gets no more, but for what has happened so far.
   *
   * @param last done once that is delivered, by whoever delivers: it may take its time
   */
  static void unregister(long factory, Runnable last) {
    Receiver receiver = RECEIVERS.get(factory);
    AFTERWARDS.add(
        () -> {
          RECEIVERS.remove(factory, receiver);
          last.run();
        });
    wake();
  }

  /** Starts the thread, or ends its {@link #rest}. */
  static void start() {
    synchronized (NativeEvents.class) {
      started = true;
      resting = false;
      NativeEvents.class.notifyAll();
    }
    keepRunning();
  }

  /** Without the thread Python's output stands still; where there is none now, the next may try. */
  static void keepRunning() {
    try {
      THREAD.keepRunning();
    } catch (Throwable failure) {
      FAILURES.log(failure);
    }
  }

  /** From now until the next start it looks for events now and then, and does not wait for them. */
  static synchronized void rest() {
    if (started) {
      resting = true;
      wake();
    }
  }

  /**
   * Delivers what has happened so far before it returns, if that does not take long. Does nothing
   * where no factory was opened, or where an event's receiver calls it.
   */
  static void flush() {
    if (!isStarted() || lagging || DELIVERY.isHeldByCurrentThread()) {
      return;
    }
    boolean interrupted = Thread.interrupted(); // or waiting for the lock would fail
    try {
      lagging = !deliverUntil(System.nanoTime() + MAX_FLUSH_NANOS);
    } catch (InterruptedException again) {
      interrupted = true;
    } catch (RuntimeException | Error failure) {
      FAILURES.log(failure);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Whether flushes wait for nothing, as one has waited in vain. */
  static boolean isLagging() {
    return lagging;
  }

  private static synchronized boolean isStarted() {
    return started;
  }

  /** False where not all was delivered by then. */
  private static boolean deliverUntil(long end) throws InterruptedException {
    while (DELIVERY.tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      if (!deliverNextAndUnlock()) {
        return true;
      }
      if (System.nanoTime() - end >= 0) {
        return false;
      }
    }
    return false;
  }

  /** False where there was nothing to do. */
  private static boolean deliverNextAndUnlock() {
    try {
      Runnable afterwards = AFTERWARDS.peek(); // first: what is taken then has happened before
      NativeEvent event = take();
      if (event != null) {
        deliver(event);
      } else if (afterwards != null) {
        AFTERWARDS.remove();
        attempt(afterwards);
      } else {
        lagging = false;
        return false;
      }
      return true;
    } finally {
      DELIVERY.unlock();
    }
  }

  /** Tells the native side when the logger's level has changed; cheap where it has not. */
  static void followLevel() {
    if (level != loggerLevel()) {
      synchronized (NativeEvents.class) {
        level = loggerLevel();
        setLogLevel(level);
      }
    }
  }

  private static int loggerLevel() {
    if (LOGGER.isDebugEnabled()) {
      return LOGGER.isTraceEnabled() ? 5 : 4;
    }
    if (LOGGER.isWarnEnabled()) {
      return LOGGER.isInfoEnabled() ? 3 : 2;
    }
    return LOGGER.isErrorEnabled() ? 1 : 0;
  }

  private static void run() {
    boolean more = false;
    while (true) {
      try {
        if (!more) {
          restOrAwait();
        }
        DELIVERY.lock();
        more = deliverNextAndUnlock();
      } catch (Throwable failure) { // an uncaught one would end an executor's JVM
        FAILURES.log(failure);
        pause();
      }
    }
  }

  private static void restOrAwait() throws InterruptedException {
    synchronized (NativeEvents.class) {
      if (resting) {
        NativeEvents.class.wait(REST_MILLIS);
        return;
      }
    }
    await(WAIT_MILLIS);
  }

  /** Hands one event on; a failure is logged, and goes no further. */
  static void deliver(NativeEvent event) {
    try {
      dispatch(event);
    } catch (Throwable failure) {
      FAILURES.log(failure);
    }
  }

  /** Logs what it throws. */
  static void attempt(Runnable delivery) {
    try {
      delivery.run();
    } catch (Throwable failure) {
      FAILURES.log(failure);
    }
  }

  private static void dispatch(NativeEvent event) {
    switch (event.kind()) {
      case NativeEvent.LOG:
        log((int) event.number(), new String(event.payload(), StandardCharsets.UTF_8));
        break;
      case NativeEvent.OUTPUT:
        write(event);
        break;
      case NativeEvent.CLOSE:
        closeIdle(event);
        break;
      default:
        throw new IllegalArgumentException("unknown kind of event: " + event.kind());
    }
  }

  private static void closeIdle(NativeEvent event) {
    Receiver receiver = RECEIVERS.get(event.factory());
    if (receiver != null) {
      receiver.closeIdle(event.number());
    }
  }

  private static void write(NativeEvent output) {
    boolean passedOn = false;
    try {
      OutputThread own = threadOf(output);
      if (own != null) {
        own.write(output);
        passedOn = true;
      } else {
        StandardOutput.STANDARD_ERROR.write(output.payload());
      }
    } finally {
      if (!passedOn) {
        written(output);
      }
    }
  }

  private static OutputThread threadOf(NativeEvent output) {
    Receiver receiver = RECEIVERS.get(output.factory());
    boolean printed = output.number() == NativeEvent.STANDARD_OUTPUT;
    return printed && receiver != null ? receiver.standardOutput() : null;
  }

  /** Output has been written, or is lost for good: there is room for more of its factory. */
  static void written(NativeEvent output) {
    written(output.factory(), output.number(), output.payload().length);
  }

  private static void log(int messageLevel, String message) {
    switch (messageLevel) {
      case 1:
        LOGGER.error(message);
        break;
      case 2:
        LOGGER.warn(message);
        break;
      case 3:
        LOGGER.info(message);
        break;
      case 4:
        LOGGER.debug(message);
        break;
      default:
        LOGGER.trace(message);
    }
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE_AFTER_FAILURE_MILLIS);
    } catch (InterruptedException interrupted) {
      return; // nobody interrupts this thread for a reason; it goes on
    }
  }

  /** Returns when there is an event or a {@link #wake}, or after this time. */
  private static native void await(long timeoutMillis);

  private static native void wake();

  /** The next event; null where there is none. */
  private static native NativeEvent take();

  private static native void written(long factory, long number, int length);

  private static native void setLogLevel(int level);
}

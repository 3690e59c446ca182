package io.nativepythonworker;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does what takes long on a thread of its own, while the calling thread has given up SparkEnv's
 * monitor: Spark calls the factory with that held, and all other tasks would wait for it.
 */
final class OffLock {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);
  private static final long KEEP_THREADS_SECONDS = 10;

  /** Who waits looks by itself this often: should it not be woken, it must not wait for ever. */
  private static final long LOOK_MILLIS = 1_000;

  private static final AtomicLong LAST_THREAD = new AtomicLong();

  private static final Executor THREADS =
      new ThreadPoolExecutor(
          0,
          Integer.MAX_VALUE, // one for each task that waits for a worker; Spark bounds these
          KEEP_THREADS_SECONDS,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          OffLock::thread);

  private OffLock() {}

  private static Thread thread(Runnable work) {
    return DaemonThreads.make(work, "native-python-worker-create-" + LAST_THREAD.incrementAndGet());
  }

  /**
   * The result of {@code work}, or what it throws.
   *
   * @param lock given up for as long as it takes, where the calling thread holds its monitor
   * @param unwanted takes the result if it comes after an interrupt
   * @throws InterruptedException undeclared, as Spark's callers are in Scala: the task was killed
   */
  static <T> T call(Object lock, Supplier<T> work, Consumer<T> unwanted) {
    Work<T> running = new Work<>(lock, work, unwanted);
    THREADS.execute(running);
    try {
      if (Thread.holdsLock(lock)) {
        running.await();
      }
      return running.get();
    } catch (InterruptedException killed) {
      running.abandon();
      throw Rethrow.unchecked(killed);
    } catch (ExecutionException failed) {
      throw Rethrow.unchecked(withCaller(failed.getCause()));
    }
  }

  /**
   * Behind the failure's own trace that of the calling thread: who reads it wants to know the task.
   */
  private static Throwable withCaller(Throwable failure) {
    StackTraceElement[] caller = Thread.currentThread().getStackTrace();
    failure.setStackTrace(
        Stream.of(failure.getStackTrace(), caller)
            .flatMap(Stream::of)
            .toArray(StackTraceElement[]::new));
    return failure;
  }

  /**
   * What one caller waits for. A FutureTask, because that makes no object when the work has failed:
   * where there is no memory left, it ends all the same.
   */
  private static final class Work<T> extends FutureTask<T> {
    private final Object lock;
    private final Consumer<T> unwanted;
    private final AtomicBoolean givenAway = new AtomicBoolean();
    private volatile boolean abandoned;

    Work(Object lock, Supplier<T> work, Consumer<T> unwanted) {
      super(work::get);
      this.lock = lock;
      this.unwanted = unwanted;
    }

    void await() throws InterruptedException {
      while (!isDone()) {
        lock.wait(LOOK_MILLIS);
      }
    }

    /** The caller does not come back for the result. */
    void abandon() {
      abandoned = true;
      if (isDone()) {
        giveAway();
      }
    }

    @Override
    protected void done() {
      synchronized (lock) {
        lock.notifyAll();
      }
      if (abandoned) {
        giveAway();
      }
    }

    private void giveAway() {
      if (givenAway.getAndSet(true)) {
        return;
      }
      try {
        unwanted.accept(get());
      } catch (ExecutionException nothing) {
        return; // there is no result
      } catch (Throwable failure) { // an uncaught one would end an executor's JVM
        LOGGER.warn(
            "Failed to give back a Python worker whose task had stopped waiting for it", failure);
      }
    }
  }
}

package io.nativepythonworker;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Does what takes long on a thread of its own, while the calling thread has given up SparkEnv's
 * monitor: Spark calls the factory with that held, and all other tasks would wait for it.
 */
final class OffLock {
  private static final long KEEP_THREADS_SECONDS = 10;
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
    Thread thread =
        new Thread(work, "native-python-worker-create-" + LAST_THREAD.incrementAndGet());
    thread.setDaemon(true);
    return thread;
  }

  /**
   * The result of {@code work}, or what it throws.
   *
   * @param lock given up for as long as it takes, where the calling thread holds its monitor
   * @param unwanted takes the result if it comes after an interrupt
   * @throws InterruptedException undeclared, as Spark's callers are in Scala: the task was killed
   */
  static <T> T call(Object lock, Supplier<T> work, Consumer<T> unwanted) {
    CompletableFuture<T> result = CompletableFuture.supplyAsync(work, THREADS);
    try {
      if (Thread.holdsLock(lock)) {
        await(result, lock);
      }
      return result.get();
    } catch (InterruptedException killed) {
      result.thenAccept(unwanted);
      throw Undeclared.thrown(killed);
    } catch (ExecutionException failed) {
      throw Undeclared.thrown(withCaller(failed.getCause()));
    }
  }

  private static void await(CompletableFuture<?> result, Object lock) throws InterruptedException {
    result.whenComplete(
        (value, failure) -> {
          synchronized (lock) {
            lock.notifyAll();
          }
        });
    while (!result.isDone()) {
      lock.wait();
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
}

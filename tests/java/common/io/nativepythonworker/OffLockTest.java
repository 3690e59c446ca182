package io.nativepythonworker;

import static io.nativepythonworker.TestSpark.eventually;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.Test;

/** Waiting without the lock. */
public class OffLockTest {
  private static final long PATIENCE_SECONDS = 20;

  private final Object lock = new Object();
  private final CountDownLatch go = new CountDownLatch(1);

  private String slowly() {
    try {
      assertTrue(go.await(PATIENCE_SECONDS, TimeUnit.SECONDS));
      return "done";
    } catch (InterruptedException unexpected) {
      throw new AssertionError(unexpected);
    }
  }

  private static void unexpected(Object result) {
    throw new AssertionError("nobody wants " + result);
  }

  @Test(timeout = 60_000)
  public void othersGetTheLockWhileOneWaits() throws Exception {
    CompletableFuture<String> waiting = new CompletableFuture<>();
    CountDownLatch hasLock = new CountDownLatch(1);
    Thread thread =
        new Thread(
            () -> {
              synchronized (lock) {
                synchronized (lock) { // held twice, as by a method that calls another
                  hasLock.countDown();
                  waiting.complete(OffLock.call(lock, this::slowly, OffLockTest::unexpected));
                }
              }
            });
    thread.start();
    assertTrue(hasLock.await(PATIENCE_SECONDS, TimeUnit.SECONDS));
    synchronized (lock) {
      assertFalse(waiting.isDone());
      go.countDown();
    }
    assertEquals("done", waiting.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    thread.join();
  }

  @Test(timeout = 60_000)
  public void theCallerNeedNotHoldTheLock() {
    go.countDown();
    assertEquals("done", OffLock.call(lock, this::slowly, OffLockTest::unexpected));
  }

  @Test(timeout = 60_000)
  public void aFailureIsTheSameExceptionWithTheCallersTrace() {
    IllegalStateException failure = new IllegalStateException("no worker");
    synchronized (lock) {
      Throwable thrown =
          assertThrows(
              IllegalStateException.class,
              () ->
                  OffLock.call(
                      lock,
                      () -> {
                        throw failure;
                      },
                      OffLockTest::unexpected));
      assertSame(failure, thrown);
      assertTrue(
          Arrays.stream(thrown.getStackTrace())
              .anyMatch(
                  frame ->
                      frame
                          .getMethodName()
                          .equals("aFailureIsTheSameExceptionWithTheCallersTrace")));
    }
  }

  /** As where there is no memory left to wrap it. */
  @Test(timeout = 60_000)
  public void aFailureThatCannotBeWrappedEndsTheWaitAsWell() {
    OutOfMemoryError noMemory = new OutOfMemoryError("none left");
    synchronized (lock) {
      Throwable thrown =
          assertThrows(
              OutOfMemoryError.class,
              () ->
                  OffLock.call(
                      lock,
                      () -> {
                        throw new Unwrappable(noMemory);
                      },
                      OffLockTest::unexpected));
      assertSame(noMemory, thrown);
    }
  }

  private static final class Unwrappable extends Error {
    private static final long serialVersionUID = 1L;
    private final Error whenWrapped;

    Unwrappable(Error whenWrapped) {
      this.whenWrapped = whenWrapped;
    }

    @Override
    public String toString() { // which the constructor of an exception asks of its cause
      throw whenWrapped;
    }
  }

  @Test(timeout = 60_000)
  public void whoWaitsDoesNotRelyOnBeingWoken() throws Exception {
    Thread thread =
        new Thread(
            () -> {
              synchronized (lock) {
                OffLock.call(lock, this::slowly, OffLockTest::unexpected);
              }
            });
    thread.start();
    assertTrue(eventually(() -> thread.getState() == Thread.State.TIMED_WAITING));
    go.countDown();
    thread.join();
  }

  @Test(timeout = 60_000)
  public void aTakerOfUnwantedResultsMayFail() throws Exception {
    CompletableFuture<Thread> failing = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              synchronized (lock) {
                assertThrows(
                    InterruptedException.class,
                    () ->
                        OffLock.call(
                            lock,
                            this::slowly,
                            result -> {
                              failing.complete(Thread.currentThread());
                              throw new IllegalStateException("no " + result);
                            }));
              }
            });
    thread.start();
    thread.interrupt();
    thread.join();
    try (LogRecorder log = new LogRecorder(NativePythonWorkerFactory.LOG_NAME)) {
      go.countDown();
      assertTrue(failing.get(PATIENCE_SECONDS, TimeUnit.SECONDS).isAlive());
      assertTrue(eventually(() -> log.lines().size() == 1));
    }
  }

  @Test(timeout = 60_000)
  public void anInterruptEndsTheWaitAndTheResultIsGivenAway() throws Exception {
    CompletableFuture<String> givenAway = new CompletableFuture<>();
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              synchronized (lock) {
                try {
                  OffLock.call(lock, this::slowly, givenAway::complete);
                } catch (Throwable thrown) {
                  ended.complete(thrown);
                }
              }
            });
    thread.start();
    thread.interrupt();
    Throwable thrown = ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    assertEquals(InterruptedException.class, thrown.getClass());
    assertFalse(givenAway.isDone());
    go.countDown();
    assertEquals("done", givenAway.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    thread.join();
  }

  @Test(timeout = 60_000)
  public void amongManyWhoWaitEachGetsWhatIsItsOwn() throws Exception {
    int count = 100;
    ExecutorService tasks = Executors.newFixedThreadPool(count);
    List<Future<Integer>> results = new ArrayList<>();
    for (int task = 0; task < count; task++) {
      int number = task;
      results.add(tasks.submit(() -> underTheLock(number)));
    }
    go.countDown();
    for (int task = 0; task < count; task++) {
      Future<Integer> result = results.get(task);
      if (fails(task)) {
        Throwable thrown = assertThrows(ExecutionException.class, result::get).getCause();
        assertEquals("" + task, thrown.getMessage());
      } else {
        assertEquals(task, (int) result.get());
      }
    }
    tasks.shutdown();
  }

  private static boolean fails(int task) {
    return task % 3 == 0;
  }

  private int underTheLock(int task) {
    synchronized (lock) {
      return OffLock.call(
          lock,
          () -> {
            slowly();
            if (fails(task)) {
              throw new IllegalStateException("" + task);
            }
            return task;
          },
          OffLockTest::unexpected);
    }
  }
}

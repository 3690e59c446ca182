package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.junit.After;
import org.junit.Test;

public class LastingThreadTest {
  private final List<Thread> made = new ArrayList<>();
  private final Semaphore begun = new Semaphore(0);
  private final Semaphore toEnd = new Semaphore(0);
  private boolean noMemory;

  private final LastingThread thread = new LastingThread(this::make, this::work);

  private Thread make(Runnable work) {
    Thread next = noMemory ? new Unstartable() : new Thread(work);
    made.add(next);
    return next;
  }

  /** What the system has no thread for. */
  private static final class Unstartable extends Thread {
    @Override
    public void start() {
      throw new OutOfMemoryError("unable to create native thread");
    }
  }

  private void work() {
    begun.release();
    toEnd.acquireUninterruptibly();
  }

  @After
  public void endAll() {
    toEnd.release(made.size());
  }

  @Test(timeout = 60_000)
  public void aThreadThatRunsIsTheOnlyOne() throws Exception {
    thread.keepRunning();
    begun.acquire();
    thread.keepRunning();
    assertEquals(1, made.size());
  }

  @Test(timeout = 60_000)
  public void oneThatHasEndedIsStartedAgain() throws Exception {
    thread.keepRunning();
    toEnd.release();
    made.get(0).join();
    thread.keepRunning();
    begun.acquire(2);
    assertTrue(made.get(1).isAlive());
  }

  @Test(timeout = 60_000)
  public void oneThatCouldNotStartIsStartedTheNextTime() throws Exception {
    noMemory = true;
    assertThrows(OutOfMemoryError.class, thread::keepRunning);
    noMemory = false;
    thread.keepRunning();
    begun.acquire();
    assertEquals(2, made.size());
  }
}

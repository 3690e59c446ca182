package io.nativepythonworker;

import java.util.LinkedList;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * Writes what a factory's Python processes print, one piece after the other, on a thread of its
 * own: Spark's log capture may have to wait, for a disk say, and nobody else is to wait with it.
 *
 * <p>The queue needs no bound here. The native side gives no more of a factory's output than it has
 * room for until what it has given is {@linkplain NativeEvents#written written}.
 */
final class OutputThread {
  /** The thread ends when there was nothing to write for so long; the next piece starts another. */
  private static final long KEEP_MILLIS = 10_000;

  /** How long a factory that stops waits for its output to be written. */
  private static final long MAX_WAIT_NANOS = 1_000_000_000;

  /** Those that have been waited for in vain, and are not done yet. */
  private static final Set<OutputThread> LATE = ConcurrentHashMap.newKeySet();

  private final StandardOutput output;
  private final ThreadFactory threads;

  /** An ArrayDeque that finds no memory to grow has lost all. */
  private final Queue<Runnable> waiting = new LinkedList<>();

  private final CountDownLatch closed = new CountDownLatch(1);
  private Thread thread;

  OutputThread(StandardOutput output, ThreadFactory threads) {
    this.output = output;
    this.threads = threads;
  }

  static OutputThread of(long factory, StandardOutput output) {
    String name = "native-python-worker-output-" + factory;
    return new OutputThread(output, work -> DaemonThreads.make(work, name));
  }

  /** Never waits. Says itself when the piece is written, if this does not fail. */
  void write(NativeEvent piece) {
    add(() -> writeNow(piece));
  }

  private void writeNow(NativeEvent piece) {
    try {
      output.write(piece.payload());
    } finally {
      NativeEvents.written(piece);
    }
  }

  /** Closes the output when all before is written. Never waits. */
  void close() {
    add(this::closeNow);
  }

  private void closeNow() {
    try {
      output.close();
    } finally {
      closed.countDown();
      LATE.remove(this);
    }
  }

  /**
   * Waits for what {@link #close} does, but not for long; and for half as long for each that is
   * late already, because SparkEnv stops its factories one by one.
   */
  void awaitClosed() {
    boolean interrupted = Thread.interrupted(); // or waiting would fail
    try {
      if (!closed.await(MAX_WAIT_NANOS >> Math.min(LATE.size(), 30), TimeUnit.NANOSECONDS)) {
        LATE.add(this);
      }
    } catch (InterruptedException again) {
      interrupted = true;
    }
    if (closed.getCount() == 0) {
      LATE.remove(this); // it was closed just before it was added
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void add(Runnable task) {
    synchronized (this) {
      waiting.add(task);
      notifyAll();
    }
    keepRunning();
  }

  /** There may have been no memory for the thread before. */
  void keepRunning() {
    try {
      startIfNeeded();
    } catch (Throwable failure) {
      NativeEvents.FAILURES.log(failure);
    }
  }

  private synchronized void startIfNeeded() {
    boolean running = thread != null && thread.isAlive();
    if (!running && !waiting.isEmpty()) {
      Thread started = threads.newThread(this::run);
      started.start();
      thread = started;
    }
  }

  private void run() {
    for (Runnable task = next(); task != null; task = next()) {
      NativeEvents.attempt(task);
    }
  }

  /** What to do next; null where the thread is to end. */
  private synchronized Runnable next() {
    if (waiting.isEmpty() && closed.getCount() > 0) {
      rest();
    }
    Runnable task = waiting.poll();
    if (task == null) {
      thread = null; // whoever comes next starts another
    }
    return task;
  }

  private void rest() {
    try {
      wait(KEEP_MILLIS);
    } catch (InterruptedException interrupted) {
      return; // then it ends earlier, or goes on if there is something to do
    }
  }
}

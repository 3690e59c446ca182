package io.nativepythonworker;

import java.util.concurrent.ThreadFactory;

/** A thread that is to be there for good: it is started again where it has ended or never began. */
final class LastingThread {
  private final ThreadFactory threads;
  private final Runnable work;
  private volatile Thread thread;

  LastingThread(ThreadFactory threads, Runnable work) {
    this.threads = threads;
    this.work = work;
  }

  /** Cheap where the thread runs; an OutOfMemoryError where the system gives none. */
  void keepRunning() {
    if (!isRunning()) {
      start();
    }
  }

  private synchronized void start() {
    if (!isRunning()) {
      Thread started = threads.newThread(work);
      started.start();
      thread = started;
    }
  }

  private boolean isRunning() {
    Thread last = thread;
    return last != null && last.isAlive();
  }
}

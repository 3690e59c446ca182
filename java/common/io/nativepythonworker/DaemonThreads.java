package io.nativepythonworker;

/**
 * Makes daemon threads of ours. Whoever comes first has them made, a task of some session: they
 * outlive it, so they take nothing over that belongs to it.
 */
final class DaemonThreads {
  private static final long USUAL_STACK = 0;

  private DaemonThreads() {}

  static Thread make(Runnable work, String name) {
    Thread thread = new Thread(null, work, name, USUAL_STACK, false); // no inherited thread locals
    thread.setDaemon(true);
    thread.setContextClassLoader(DaemonThreads.class.getClassLoader());
    return thread;
  }
}

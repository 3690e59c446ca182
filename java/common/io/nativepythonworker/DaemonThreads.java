package io.nativepythonworker;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;

/**
 * Makes daemon threads of ours. Whoever comes first has them made, a task of some session: they
 * outlive it, so they take nothing over that belongs to it.
 */
final class DaemonThreads {
  private static final long USUAL_STACK = 0;

  /** Makes threads that inherit no thread locals; null on Java 8, which has none such. */
  private static final Constructor<Thread> WITHOUT_LOCALS = withoutLocals();

  private DaemonThreads() {}

  static Thread make(Runnable work, String name) {
    Thread thread = withoutLocals(work, name);
    thread.setDaemon(true);
    thread.setContextClassLoader(DaemonThreads.class.getClassLoader());
    return thread;
  }

  private static Constructor<Thread> withoutLocals() {
    try {
      return Thread.class.getConstructor(
          ThreadGroup.class, Runnable.class, String.class, long.class, boolean.class);
    } catch (NoSuchMethodException java8) {
      return null;
    }
  }

  private static Thread withoutLocals(Runnable work, String name) {
    try {
      if (WITHOUT_LOCALS != null) {
        return WITHOUT_LOCALS.newInstance(null, work, name, USUAL_STACK, false);
      }
      Thread thread = new Thread(null, work, name, USUAL_STACK);
      Field inherited = Thread.class.getDeclaredField("inheritableThreadLocals");
      inherited.setAccessible(true);
      inherited.set(thread, null);
      return thread;
    } catch (ReflectiveOperationException failure) {
      throw new IllegalStateException(
          "this Java makes no thread without inherited locals", failure);
    }
  }
}

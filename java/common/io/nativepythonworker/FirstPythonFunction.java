package io.nativepythonworker;

import java.lang.reflect.Method;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;

/**
 * Whether an application has used a function in Python yet. PySpark then makes a {@code
 * PythonFunction} of Spark's in the driver's JVM, half a second or more before the first task asks
 * for a worker; an application of SQL alone never does.
 */
final class FirstPythonFunction {
  private static final String CLASS = "org.apache.spark.api.python.PythonFunction";

  private static final long SHORTEST_PAUSE_MILLIS = 20;
  private static final long LONGEST_PAUSE_MILLIS = 1_000;

  /** So much of the time that it was waited for is it noticed late, at most. */
  private static final long PART_OF_THE_WAIT = 50;

  private final ClassLoader loader;
  private final Method findLoaded;

  /**
   * Fails where Java opens {@code java.lang} to nobody; Spark's launchers open it.
   *
   * @param loader that of Spark's classes
   */
  FirstPythonFunction(ClassLoader loader) throws ReflectiveOperationException {
    this.loader = loader;
    findLoaded = ClassLoader.class.getDeclaredMethod("findLoadedClass", String.class);
    findLoaded.setAccessible(true);
  }

  static FirstPythonFunction ofSpark() throws ReflectiveOperationException {
    return new FirstPythonFunction(SparkEnv.class.getClassLoader());
  }

  /** Loads nothing. */
  boolean isThere() throws ReflectiveOperationException {
    return findLoaded.invoke(loader, CLASS) != null;
  }

  void await() throws ReflectiveOperationException, InterruptedException {
    long began = System.nanoTime();
    while (!isThere()) {
      long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
      Thread.sleep(
          Math.max(
              SHORTEST_PAUSE_MILLIS, Math.min(LONGEST_PAUSE_MILLIS, waited / PART_OF_THE_WAIT)));
    }
  }
}

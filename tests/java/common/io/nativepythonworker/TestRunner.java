package io.nativepythonworker;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.Request;
import org.junit.runner.Result;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs the JUnit classes of some directories and shows each test as it ends. */
public final class TestRunner {
  private TestRunner() {}

  /**
   * Arguments: a part of the class names to run (empty for all), then the directories of compiled
   * classes. Ends the JVM with 1 where a test failed or none was found.
   */
  public static void main(String[] arguments) throws Exception {
    List<Class<?>> classes = new ArrayList<>();
    for (String directory : List.of(arguments).subList(1, arguments.length)) {
      for (String name : testNames(Path.of(directory))) {
        if (name.contains(arguments[0])) {
          classes.add(Class.forName(name));
        }
      }
    }
    JUnitCore core = new JUnitCore();
    core.addListener(new Progress());
    Result result = core.run(Request.classes(classes.toArray(Class<?>[]::new)));
    System.out.printf(
        "%d tests, %d failed, %d ignored, %.1f s%n",
        result.getRunCount(),
        result.getFailureCount(),
        result.getIgnoreCount(),
        result.getRunTime() / 1e3);
    System.exit(result.wasSuccessful() && result.getRunCount() > 0 ? 0 : 1);
  }

  private static List<String> testNames(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(directory)) {
      return files
          .map(file -> directory.relativize(file).toString())
          .filter(file -> file.endsWith("Test.class"))
          .map(file -> file.substring(0, file.length() - ".class".length()).replace('/', '.'))
          .sorted()
          .toList();
    }
  }

  private static final class Progress extends RunListener {
    private long started;
    private String outcome;

    @Override
    public void testStarted(Description test) {
      started = System.nanoTime();
      outcome = "ok     ";
    }

    @Override
    public void testFailure(Failure failure) {
      outcome = "FAILED ";
      System.out.println(failure.getTestHeader() + "\n" + failure.getTrace());
    }

    @Override
    public void testAssumptionFailure(Failure failure) {
      outcome = "skipped (" + failure.getMessage() + ") ";
    }

    @Override
    public void testFinished(Description test) {
      System.out.printf(
          "%s%s.%s (%d ms)%n",
          outcome,
          test.getTestClass().getSimpleName(),
          test.getMethodName(),
          (System.nanoTime() - started) / 1_000_000);
    }
  }
}

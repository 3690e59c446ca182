package io.nativepythonworker;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A JVM of a test's own, with this one's class path and flags: what a JVM does once can be tested
 * again there.
 */
final class ForkedJvm {
  private static final long TIMEOUT_SECONDS = 90;

  /** It lives for seconds: what the second compiler and the parallel collector take is lost. */
  private static final List<String> SHORT_LIVED =
      List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

  private final List<String> command = new ArrayList<>();
  private String classPath = System.getProperty("java.class.path");

  ForkedJvm option(String option) {
    command.add(option);
    return this;
  }

  ForkedJvm classPathFirst(File directory) {
    classPath = directory + File.pathSeparator + classPath;
    return this;
  }

  /**
   * Runs a class's {@code main} and gives what it wrote; fails where it does not end with status 0.
   */
  String run(Class<?> main, String... arguments) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>();
    all.add(System.getProperty("java.home") + "/bin/java");
    all.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    all.addAll(SHORT_LIVED);
    all.addAll(command);
    Stream.of("-cp", classPath, main.getName()).forEach(all::add);
    all.addAll(List.of(arguments));
    File output = File.createTempFile("forked-jvm-", ".log");
    try {
      Process process =
          new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(output).start();
      boolean ended = process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
      process.destroyForcibly();
      String text = java.nio.file.Files.readString(output.toPath(), StandardCharsets.ISO_8859_1);
      if (!ended || process.exitValue() != 0) {
        throw new AssertionError(main + " failed:\n" + text);
      }
      return text;
    } finally {
      output.delete();
    }
  }
}

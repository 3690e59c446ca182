package io.nativepythonworker;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A Spark release line that the native factory was written for. */
public final class SparkVersion {
  private static final List<String> KNOWN =
      Arrays.asList("3.3", "3.4", "3.5", "4.0", "4.1", "4.2", "4.3");
  private static final Pattern LINE = Pattern.compile("(\\d+)\\.(\\d+)(?:[.\\-].*)?");

  private final String text;
  private final int major;
  private final int minor;

  private SparkVersion(String text, int major, int minor) {
    this.text = text;
    this.major = major;
    this.minor = minor;
  }

  /**
   * Reads a version such as "3.5.9" or "4.1.0-vendor.2"; an unknown line is an
   * UnsupportedOperationException.
   */
  public static SparkVersion parse(String text) {
    Matcher matcher = LINE.matcher(text);
    if (!matcher.matches() || !KNOWN.contains(matcher.group(1) + "." + matcher.group(2))) {
      throw new UnsupportedOperationException(
          "Spark " + text + " is unknown to it, it knows " + String.join(", ", KNOWN));
    }
    return new SparkVersion(
        text, Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
  }

  /** Whether this is that release line or a later one. */
  public boolean atLeast(int otherMajor, int otherMinor) {
    return major > otherMajor || (major == otherMajor && minor >= otherMinor);
  }

  /** The generation that it belongs to, whose class can be loaded on that generation only. */
  SparkGeneration generation() throws ReflectiveOperationException {
    String name = "io.nativepythonworker.spark" + major + ".Spark" + major + "WorkerFactoryBuilder";
    Class<?> builder = Class.forName(name, true, SparkVersion.class.getClassLoader());
    return (SparkGeneration) builder.getConstructor(SparkVersion.class).newInstance(this);
  }

  @Override
  public String toString() {
    return text;
  }
}

package io.nativepythonworker;

import java.util.Locale;

/** The operating systems and processors that there are libraries for. */
final class Platform {
  private Platform() {}

  /** Fails with an UnsupportedOperationException where no library can exist for this machine. */
  static void check() {
    directory();
  }

  /** The jar's directory that holds this machine's library, such as {@code native/linux-x86_64}. */
  static String directory() {
    return "native/linux-"
        + architecture(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  static String architecture(String system, String processor) {
    if (!system.toLowerCase(Locale.ROOT).startsWith("linux")) {
      throw new UnsupportedOperationException("it runs on Linux only, this is " + system);
    }
    return switch (processor) {
      case "amd64", "x86_64" -> "x86_64";
      case "aarch64", "arm64" -> "aarch64";
      default ->
          throw new UnsupportedOperationException(
              "it runs on x86_64 and aarch64 only, this is " + processor);
    };
  }
}

package io.nativepythonworker;

import java.util.Locale;

/** What this JVM runs on, and whether there is a library for it. */
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

  /** Whether a channel of this Java can be a Unix domain socket: from Java 16 on. */
  static boolean hasUnixChannels() {
    try {
      Class.forName("java.net.UnixDomainSocketAddress");
      return true;
    } catch (ClassNotFoundException older) {
      return false;
    }
  }

  static String architecture(String system, String processor) {
    if (!system.toLowerCase(Locale.ROOT).startsWith("linux")) {
      throw new UnsupportedOperationException("it runs on Linux only, this is " + system);
    }
    switch (processor) {
      case "amd64":
      case "x86_64":
        return "x86_64";
      case "aarch64":
      case "arm64":
        return "aarch64";
      default:
        throw new UnsupportedOperationException(
            "it runs on x86_64 and aarch64 only, this is " + processor);
    }
  }
}

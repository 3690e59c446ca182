package io.nativepythonworker;

/** Something that happened on the native side; its constructor is called by native code. */
final class NativeEvent {
  /** A log message: {@code number} is the level, {@code payload} UTF-8. */
  static final int LOG = 0;

  /**
   * Bytes that Python processes wrote: {@code number} is {@link #STANDARD_OUTPUT}, or 2 for
   * standard error.
   */
  static final int OUTPUT = 1;

  static final long STANDARD_OUTPUT = 1;

  /** An idle worker is gone: {@code number} is its id. */
  static final int CLOSE = 2;

  private final int kind;
  private final long factory;
  private final long number;
  private final byte[] payload;

  NativeEvent(int kind, long factory, long number, byte[] payload) {
    this.kind = kind;
    this.factory = factory;
    this.number = number;
    this.payload = payload;
  }

  int kind() {
    return kind;
  }

  long factory() {
    return factory;
  }

  long number() {
    return number;
  }

  byte[] payload() {
    return payload;
  }
}

package io.nativepythonworker;

/**
 * Takes what a factory's Python processes write to their standard output. Calls come from one
 * thread at a time.
 */
public interface StandardOutput extends AutoCloseable {
  /** Takes bytes as they came out of the pipe, cut anywhere. */
  void write(byte[] bytes);

  /** No more than this will be captured. */
  @Override
  void close();
}

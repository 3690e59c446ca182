package io.nativepythonworker;

/** Takes what Python processes write. Calls come from one thread at a time. */
public interface StandardOutput extends AutoCloseable {
  /** Where Spark sends all that Python writes. Looked up each time, as applications replace it. */
  StandardOutput STANDARD_ERROR =
      new StandardOutput() {
        @Override
        public void write(byte[] bytes) {
          System.err.write(bytes, 0, bytes.length);
          System.err.flush();
        }

        @Override
        public void close() {
          System.err.flush();
        }
      };

  /** Takes bytes as they came out of the pipe, cut anywhere. */
  void write(byte[] bytes);

  /** No more than this will be written by workers that still belong to their factory. */
  @Override
  void close();
}

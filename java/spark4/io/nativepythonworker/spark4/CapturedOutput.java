package io.nativepythonworker.spark4;

import io.nativepythonworker.StandardOutput;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.spark.api.python.PythonWorkerLogCapture;

/**
 * Worker logs of Spark 4.1 and later: lines that carry the marker go to Spark's own capture, all
 * else to standard error.
 *
 * <p>Spark's capture is a stream that calls itself for every captured line until a plain one comes,
 * which overflows the stack of whoever reads it. So it gets one captured line at a time here, with
 * an empty plain line behind it.
 */
final class CapturedOutput implements StandardOutput {
  private static final String MARKER = "PYTHON_WORKER_LOGGING";

  /** A line longer than this is passed on in pieces, uncaptured, so that memory stays bounded. */
  static final int MAX_LINE_BYTES = 16 * 1024 * 1024;

  private final PythonWorkerLogCapture capture;
  private final Feed feed = new Feed();
  private final InputStream captured;
  private final byte[] emptyLine = new byte[System.lineSeparator().length()];
  private ByteArrayOutputStream partial = new ByteArrayOutputStream();
  private boolean closed;

  CapturedOutput(String sessionId) {
    capture = new PythonWorkerLogCapture(sessionId, MARKER);
    captured = capture.wrapInputStream(feed);
  }

  @Override
  public synchronized void write(byte[] bytes) {
    int start = 0;
    for (int end = 0; end < bytes.length; end++) {
      if (bytes[end] == '\n') {
        partial.write(bytes, start, end + 1 - start);
        flushLine();
        start = end + 1;
      }
    }
    partial.write(bytes, start, bytes.length - start);
    if (partial.size() > MAX_LINE_BYTES) {
      STANDARD_ERROR.write(partial.toByteArray());
      partial = new ByteArrayOutputStream();
    }
  }

  @Override
  public synchronized void close() {
    flushLine();
    closed = true;
    capture.closeAllWriters();
  }

  private void flushLine() {
    String line = partial.toString(StandardCharsets.ISO_8859_1); // as Spark: every byte survives
    partial.reset();
    int marker = line.indexOf(MARKER + ":");
    if (marker < 0 || closed) {
      pass(line);
      return;
    }
    pass(line.substring(0, marker));
    int end = endOfLine(line, marker);
    feed(line.substring(marker, end));
    pass(line.substring(end).replaceFirst("\\A\\r?\\n?", ""));
  }

  /** Spark's capture ends a line at a carriage return, too. */
  private static int endOfLine(String line, int from) {
    int end = from;
    while (end < line.length() && line.charAt(end) != '\n' && line.charAt(end) != '\r') {
      end++;
    }
    return end;
  }

  private void feed(String line) {
    feed.next((line + "\n\n").getBytes(StandardCharsets.ISO_8859_1));
    try {
      // Takes the line in and gives the plain one back. No byte more may be asked for: it would
      // find the end of the stream.
      captured.read(emptyLine);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static void pass(String text) {
    if (!text.isEmpty()) {
      STANDARD_ERROR.write(text.getBytes(StandardCharsets.ISO_8859_1));
    }
  }

  /**
   * What Spark's capture reads from: the bytes given last. Its end is never read, as the last line
   * is read to its newline.
   */
  private static final class Feed extends InputStream {
    private InputStream bytes = InputStream.nullInputStream();

    void next(byte[] next) {
      bytes = new ByteArrayInputStream(next);
    }

    @Override
    public int read() throws IOException {
      return bytes.read();
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      return bytes.read(target, offset, length);
    }
  }
}

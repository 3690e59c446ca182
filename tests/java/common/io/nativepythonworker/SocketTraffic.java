package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.InputStream;
import java.io.OutputStream;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.junit.Assert;

/** What the sockets of both generations have to stand. */
public final class SocketTraffic {
  private static final int CHUNK = 256 * 1024;
  private static final long TIMEOUT_SECONDS = 60;

  private SocketTraffic() {}

  /** Something to do that may fail. */
  public interface Action {
    void run() throws Exception;
  }

  /**
   * Sends so many bytes while reading them back: this ends only if neither direction locks out the
   * other.
   */
  public static void echo(OutputStream out, InputStream in, long bytes) throws Exception {
    CRC32 sent = new CRC32();
    CompletableFuture<Void> sender = inThread(() -> send(out, sent, bytes));
    CRC32 received = new CRC32();
    byte[] chunk = new byte[CHUNK];
    for (long left = bytes; left > 0; ) {
      int count = in.read(chunk, 0, (int) Math.min(left, CHUNK));
      assertTrue("the stream ended " + left + " bytes early", count > 0);
      received.update(chunk, 0, count);
      left -= count;
    }
    sender.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    assertEquals(sent.getValue(), received.getValue());
  }

  private static Void send(OutputStream out, CRC32 checksum, long bytes) throws Exception {
    byte[] chunk = new byte[CHUNK];
    new Random(42).nextBytes(chunk);
    for (long left = bytes; left > 0; left -= CHUNK) {
      chunk[0]++;
      checksum.update(chunk);
      out.write(chunk);
    }
    out.flush();
    return null;
  }

  /**
   * Closes a socket that another thread reads from, and gives the exception that the reader got.
   */
  public static Throwable closeWhileReading(Callable<Integer> read, Action close) throws Exception {
    CompletableFuture<Integer> reader = inThread(read);
    Thread.sleep(200); // until it reads, most likely; the test holds either way
    close.run();
    ExecutionException failure =
        Assert.assertThrows(
            ExecutionException.class, () -> reader.get(TIMEOUT_SECONDS, TimeUnit.SECONDS));
    return failure.getCause();
  }

  private static <T> CompletableFuture<T> inThread(Callable<T> task) {
    CompletableFuture<T> result = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                result.complete(task.call());
              } catch (Throwable failure) {
                result.completeExceptionally(failure);
              }
            });
    thread.setDaemon(true);
    thread.start();
    return result;
  }
}

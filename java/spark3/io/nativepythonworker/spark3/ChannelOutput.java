package io.nativepythonworker.spark3;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** The writing side of a socket; it never locks out a reader. */
final class ChannelOutput extends OutputStream {
  /** SparkEnv's monitor is held for as long. */
  private static final long QUIET_WAIT_MILLIS = 20;

  private final SocketChannel channel;
  private final Closeable socket;
  private final Supplier<String> whyEnded;
  private final ReentrantLock writing = new ReentrantLock();

  /**
   * @param whyEnded asked when the other side is gone; gives null where nobody knows
   */
  ChannelOutput(SocketChannel channel, Closeable socket, Supplier<String> whyEnded) {
    this.channel = channel;
    this.socket = socket;
    this.whyEnded = whyEnded;
  }

  @Override
  public void write(int value) throws IOException {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] source, int offset, int length) throws IOException {
    ChannelInput.checkRange(offset, length, source.length);
    writing.lock();
    try {
      int end = offset + length;
      for (int from = offset; from < end; ) {
        from +=
            channel.write(
                ByteBuffer.wrap(
                    source, from, Math.min(end - from, ChannelInput.MAX_TRANSFER_BYTES)));
      }
    } catch (ClosedByInterruptException interrupted) {
      socket.close(); // the interrupt has closed the channel without it
      throw ChannelInput.socketException(interrupted);
    } catch (IOException failure) {
      throw explained(failure);
    } finally {
      writing.unlock();
    }
  }

  private SocketException explained(IOException failure) {
    String why = failure instanceof ClosedChannelException ? null : whyEnded.get();
    if (why == null) {
      return ChannelInput.socketException(failure);
    }
    SocketException explained = new SocketException(why);
    explained.initCause(failure);
    return explained;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  /** Whether no thread is inside a write, after a short wait for one on its way out. */
  boolean isQuiet() {
    try {
      if (!writing.tryLock() && !writing.tryLock(QUIET_WAIT_MILLIS, TimeUnit.MILLISECONDS)) {
        return false;
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return false;
    }
    writing.unlock();
    return true;
  }
}

package io.nativepythonworker.spark3;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** The writing side of a socket; it never locks out a reader. */
final class ChannelOutput extends OutputStream {
  private static final long QUIET_WAIT_MILLIS = 1_000;

  private final SocketChannel channel;
  private final Closeable socket;
  private final ReentrantLock writing = new ReentrantLock();

  ChannelOutput(SocketChannel channel, Closeable socket) {
    this.channel = channel;
    this.socket = socket;
  }

  @Override
  public void write(int value) throws IOException {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] source, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, source.length);
    writing.lock();
    try {
      int end = offset + length;
      for (int from = offset; from < end; ) {
        from +=
            channel.write(
                ByteBuffer.wrap(
                    source, from, Math.min(end - from, ChannelInput.MAX_TRANSFER_BYTES)));
      }
    } catch (IOException failure) {
      throw ChannelInput.socketException(failure);
    } finally {
      writing.unlock();
    }
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

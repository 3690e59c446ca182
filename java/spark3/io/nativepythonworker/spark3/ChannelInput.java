package io.nativepythonworker.spark3;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.function.Supplier;

/**
 * The reading side of a socket. Unlike the stream of {@code Channels.newInputStream}, it never
 * locks out a writer.
 */
final class ChannelInput extends InputStream {
  /**
   * A read of more goes in pieces: the JDK keeps a direct buffer of the largest size a thread ever
   * asked for.
   */
  static final int MAX_TRANSFER_BYTES = 128 * 1024;

  private final SocketChannel channel;
  private final Closeable socket;
  private final Supplier<String> whyEnded;

  /**
   * @param whyEnded asked when the other side is gone; gives null where nobody knows
   */
  ChannelInput(SocketChannel channel, Closeable socket, Supplier<String> whyEnded) {
    this.channel = channel;
    this.socket = socket;
    this.whyEnded = whyEnded;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    checkRange(offset, length, target.length);
    if (length == 0) {
      return 0;
    }
    try {
      int count =
          channel.read(ByteBuffer.wrap(target, offset, Math.min(length, MAX_TRANSFER_BYTES)));
      if (count < 0) {
        throwIfLost(null);
      }
      return count;
    } catch (ClosedByInterruptException interrupted) {
      socket.close(); // the interrupt has closed the channel without it
      throw socketException(interrupted);
    } catch (EOFException lost) {
      throw lost;
    } catch (IOException failure) {
      throwIfLost(failure);
      throw socketException(failure);
    }
  }

  /**
   * Spark 3.5 calls a worker crashed where it reads an EOFException, and shows that as the cause.
   */
  private void throwIfLost(IOException failure) throws EOFException {
    String why = failure instanceof ClosedChannelException ? null : whyEnded.get();
    if (why != null) {
      EOFException lost = new EOFException(why);
      lost.initCause(failure);
      throw lost;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  /** Java 8 has it nowhere. */
  static void checkRange(int offset, int length, int size) {
    if (offset < 0 || length < 0 || length > size - offset) {
      throw new IndexOutOfBoundsException(
          offset + " and " + length + " from there are not within " + size);
    }
  }

  /** The exception that a plain socket throws: runners and users tell failures apart by type. */
  static SocketException socketException(Exception failure) {
    if (failure instanceof SocketException) {
      return (SocketException) failure;
    }
    String message =
        failure instanceof ClosedChannelException ? "Socket closed" : failure.getMessage();
    SocketException exception = new SocketException(message);
    exception.initCause(failure);
    return exception;
  }
}

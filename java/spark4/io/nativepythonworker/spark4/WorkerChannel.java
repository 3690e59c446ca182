package io.nativepythonworker.spark4;

import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A worker's channel as runners see it: the JDK's own, but where the worker is gone a read or write
 * says why. A selector takes the JDK's own only, see {@link Spark4Worker#refresh}.
 */
final class WorkerChannel extends SocketChannel {
  private final SocketChannel channel;
  private final Supplier<String> whyEnded;
  private volatile boolean halfClosed;

  /**
   * @param whyEnded asked when the other side is gone; gives null where nobody knows
   */
  WorkerChannel(SocketChannel channel, Supplier<String> whyEnded) {
    super(channel.provider());
    this.channel = channel;
    this.whyEnded = whyEnded;
  }

  private interface Transfer<N> {
    N run() throws IOException;
  }

  private <N extends Number> N explained(Transfer<N> transfer) throws IOException {
    try {
      N count = transfer.run();
      if (count.longValue() < 0) {
        String why = why();
        if (why != null) {
          throw new EOFException(why);
        }
      }
      return count;
    } catch (ClosedChannelException | EOFException plain) {
      throw plain;
    } catch (IOException failure) {
      String why = why();
      throw why == null ? failure : new IOException(why, failure);
    }
  }

  /** Null where it is the end that the user of the channel wanted. */
  private String why() {
    return halfClosed ? null : whyEnded.get();
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    return explained(() -> channel.read(target));
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) throws IOException {
    return explained(() -> channel.read(targets, offset, length));
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    return explained(() -> channel.write(source));
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) throws IOException {
    return explained(() -> channel.write(sources, offset, length));
  }

  @Override
  protected void implCloseSelectableChannel() throws IOException {
    channel.close();
  }

  @Override
  protected void implConfigureBlocking(boolean block) throws IOException {
    channel.configureBlocking(block);
  }

  @Override
  public SocketChannel bind(SocketAddress local) throws IOException {
    channel.bind(local);
    return this;
  }

  @Override
  public <T> SocketChannel setOption(SocketOption<T> name, T value) throws IOException {
    channel.setOption(name, value);
    return this;
  }

  @Override
  public <T> T getOption(SocketOption<T> name) throws IOException {
    return channel.getOption(name);
  }

  @Override
  public Set<SocketOption<?>> supportedOptions() {
    return channel.supportedOptions();
  }

  @Override
  public SocketChannel shutdownInput() throws IOException {
    halfClosed = true;
    channel.shutdownInput();
    return this;
  }

  @Override
  public SocketChannel shutdownOutput() throws IOException {
    halfClosed = true;
    channel.shutdownOutput();
    return this;
  }

  @Override
  public Socket socket() {
    return channel.socket();
  }

  @Override
  public boolean isConnected() {
    return channel.isConnected();
  }

  @Override
  public boolean isConnectionPending() {
    return channel.isConnectionPending();
  }

  @Override
  public boolean connect(SocketAddress remote) throws IOException {
    return channel.connect(remote);
  }

  @Override
  public boolean finishConnect() throws IOException {
    return channel.finishConnect();
  }

  @Override
  public SocketAddress getRemoteAddress() throws IOException {
    return channel.getRemoteAddress();
  }

  @Override
  public SocketAddress getLocalAddress() throws IOException {
    return channel.getLocalAddress();
  }

  @Override
  public String toString() {
    return channel.toString();
  }
}

package io.nativepythonworker.spark3;

import io.nativepythonworker.ConnectionEnd;
import io.nativepythonworker.NativePythonWorkerFactory;
import io.nativepythonworker.WorkerConnection;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketImpl;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.util.Set;

/** A native worker as the runners of Spark 3 see it: a connected socket over a blocking channel. */
final class WorkerSocket extends Socket implements WorkerConnection {
  private final NativePythonWorkerFactory<WorkerSocket> factory;
  private final long id;
  private final long pid;
  private final SocketChannel channel;
  private final ChannelInput input;
  private final ChannelOutput output;
  private final ConnectionEnd end;
  private volatile boolean inputShutdown;
  private volatile boolean outputShutdown;

  WorkerSocket(
      NativePythonWorkerFactory<WorkerSocket> factory, long id, long pid, SocketChannel channel)
      throws SocketException {
    super((SocketImpl) null); // all that would need one is overridden
    this.factory = factory;
    this.id = id;
    this.pid = pid;
    this.channel = channel;
    this.input = new ChannelInput(channel, this, this::whyEnded);
    this.end = new ConnectionEnd(() -> factory.closed(this), "Failed to close worker socket");
    this.output = new ChannelOutput(channel, this, this::whyEnded);
  }

  @Override
  public long id() {
    return id;
  }

  long pid() {
    return pid;
  }

  @Override
  public boolean isOpen() {
    return channel.isOpen();
  }

  /**
   * Whether no thread is inside a write: interrupting one closes the channel, and Spark interrupts
   * a task's writer when the task ends, by when the socket may be the next task's.
   */
  boolean isQuiet() {
    return output.isQuiet();
  }

  /** Null where it is the end that the user of the socket wanted. */
  private String whyEnded() {
    return inputShutdown || outputShutdown ? null : factory.whyEnded(this);
  }

  @Override
  public InputStream getInputStream() throws IOException {
    check(!inputShutdown, "Socket input is shutdown");
    return input;
  }

  @Override
  public OutputStream getOutputStream() throws IOException {
    check(!outputShutdown, "Socket output is shutdown");
    return output;
  }

  private void check(boolean allowed, String otherwise) throws SocketException {
    if (isClosed()) {
      throw new SocketException("Socket is closed");
    }
    if (!allowed) {
      throw new SocketException(otherwise);
    }
  }

  @Override
  public void shutdownInput() throws IOException {
    check(!inputShutdown, "Socket input is already shutdown");
    channel.shutdownInput();
    inputShutdown = true;
  }

  @Override
  public void shutdownOutput() throws IOException {
    check(!outputShutdown, "Socket output is already shutdown");
    channel.shutdownOutput();
    outputShutdown = true;
  }

  /**
   * Runners close workers by this without a word to the factory. A thread that is reading or
   * writing gets a SocketException.
   */
  @Override
  public void close() throws IOException {
    end.close(channel::close);
  }

  @Override
  public void discard() {
    end.discard(channel::close);
  }

  @Override
  public boolean isClosed() {
    return !channel.isOpen();
  }

  @Override
  public boolean isConnected() {
    return true;
  }

  @Override
  public boolean isBound() {
    return true;
  }

  @Override
  public boolean isInputShutdown() {
    return inputShutdown;
  }

  @Override
  public boolean isOutputShutdown() {
    return outputShutdown;
  }

  @Override
  public SocketChannel getChannel() {
    return channel;
  }

  @Override
  public SocketAddress getRemoteSocketAddress() {
    return address(channel::getRemoteAddress);
  }

  @Override
  public SocketAddress getLocalSocketAddress() {
    return address(channel::getLocalAddress);
  }

  private interface AddressSource {
    SocketAddress get() throws IOException;
  }

  /** Null where the channel is closed or the other end has no address. */
  private static SocketAddress address(AddressSource source) {
    try {
      return source.get();
    } catch (IOException closed) {
      return null;
    }
  }

  /** Null where it has none, as a Unix domain socket. */
  private static InetSocketAddress internet(SocketAddress address) {
    return address instanceof InetSocketAddress ? (InetSocketAddress) address : null;
  }

  @Override
  public InetAddress getInetAddress() {
    InetSocketAddress remote = internet(getRemoteSocketAddress());
    return remote == null ? null : remote.getAddress();
  }

  @Override
  public int getPort() {
    InetSocketAddress remote = internet(getRemoteSocketAddress());
    return remote == null ? 0 : remote.getPort();
  }

  @Override
  public InetAddress getLocalAddress() {
    InetSocketAddress local = internet(getLocalSocketAddress());
    return local == null ? InetAddress.getLoopbackAddress() : local.getAddress();
  }

  @Override
  public int getLocalPort() {
    InetSocketAddress local = internet(getLocalSocketAddress());
    return local == null ? -1 : local.getPort();
  }

  @Override
  public void connect(SocketAddress endpoint, int timeout) throws IOException {
    throw new SocketException("already connected");
  }

  @Override
  public void bind(SocketAddress bindpoint) throws IOException {
    throw new SocketException("Already bound");
  }

  /** Reads of a worker have no time limit: Spark sets none. */
  @Override
  public void setSoTimeout(int timeout) throws SocketException {
    check(timeout == 0, "The socket of a Python worker has no read timeout");
  }

  @Override
  public int getSoTimeout() throws SocketException {
    check(true, "");
    return 0;
  }

  // These three override Socket's from Java 9 on.

  public <T> Socket setOption(SocketOption<T> name, T value) throws IOException {
    channel.setOption(name, value);
    return this;
  }

  public <T> T getOption(SocketOption<T> name) throws IOException {
    return channel.getOption(name);
  }

  public Set<SocketOption<?>> supportedOptions() {
    return channel.supportedOptions();
  }

  @Override
  public void setTcpNoDelay(boolean on) throws SocketException {
    set(StandardSocketOptions.TCP_NODELAY, on);
  }

  @Override
  public boolean getTcpNoDelay() throws SocketException {
    return get(StandardSocketOptions.TCP_NODELAY);
  }

  @Override
  public void setKeepAlive(boolean on) throws SocketException {
    set(StandardSocketOptions.SO_KEEPALIVE, on);
  }

  @Override
  public boolean getKeepAlive() throws SocketException {
    return get(StandardSocketOptions.SO_KEEPALIVE);
  }

  @Override
  public void setReuseAddress(boolean on) throws SocketException {
    set(StandardSocketOptions.SO_REUSEADDR, on);
  }

  @Override
  public boolean getReuseAddress() throws SocketException {
    return get(StandardSocketOptions.SO_REUSEADDR);
  }

  @Override
  public void setSendBufferSize(int size) throws SocketException {
    set(StandardSocketOptions.SO_SNDBUF, size);
  }

  @Override
  public int getSendBufferSize() throws SocketException {
    return get(StandardSocketOptions.SO_SNDBUF);
  }

  @Override
  public void setReceiveBufferSize(int size) throws SocketException {
    set(StandardSocketOptions.SO_RCVBUF, size);
  }

  @Override
  public int getReceiveBufferSize() throws SocketException {
    return get(StandardSocketOptions.SO_RCVBUF);
  }

  @Override
  public void setSoLinger(boolean on, int seconds) throws SocketException {
    set(StandardSocketOptions.SO_LINGER, on ? seconds : -1);
  }

  @Override
  public int getSoLinger() throws SocketException {
    return get(StandardSocketOptions.SO_LINGER);
  }

  @Override
  public void setTrafficClass(int trafficClass) throws SocketException {
    set(StandardSocketOptions.IP_TOS, trafficClass);
  }

  @Override
  public int getTrafficClass() throws SocketException {
    return get(StandardSocketOptions.IP_TOS);
  }

  @Override
  public void setOOBInline(boolean on) throws SocketException {
    check(!on, "The socket of a Python worker takes no urgent data");
  }

  @Override
  public boolean getOOBInline() throws SocketException {
    check(true, "");
    return false;
  }

  @Override
  public void sendUrgentData(int data) throws IOException {
    check(false, "The socket of a Python worker takes no urgent data");
  }

  private <T> void set(SocketOption<T> option, T value) throws SocketException {
    try {
      channel.setOption(option, value);
    } catch (IOException | UnsupportedOperationException failure) {
      throw ChannelInput.socketException(failure);
    }
  }

  private <T> T get(SocketOption<T> option) throws SocketException {
    try {
      return channel.getOption(option);
    } catch (IOException | UnsupportedOperationException failure) {
      throw ChannelInput.socketException(failure);
    }
  }

  @Override
  public String toString() {
    return "WorkerSocket[id=" + id + ",pid=" + pid + "," + channel + "]";
  }
}

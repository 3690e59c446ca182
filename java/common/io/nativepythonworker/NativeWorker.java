package io.nativepythonworker;

import java.nio.channels.SocketChannel;

/** A worker that the native side has just made; its constructor is called by native code. */
final class NativeWorker {
  private final long id;
  private final long pid;
  private final SocketChannel channel;

  /**
   * @param id the native side's name for the worker, unique in this JVM
   * @param pid its process id
   * @param channel a connected, blocking channel that the caller closes
   */
  NativeWorker(long id, long pid, SocketChannel channel) {
    this.id = id;
    this.pid = pid;
    this.channel = channel;
  }

  long id() {
    return id;
  }

  long pid() {
    return pid;
  }

  SocketChannel channel() {
    return channel;
  }
}

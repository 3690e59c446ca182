package io.nativepythonworker;

import java.nio.channels.SocketChannel;

/** A worker's socket as one Spark generation knows it. */
public interface WorkerConnection {
  /** The native side's name for the worker. */
  long id();

  SocketChannel channel();

  /** Closes the socket without telling the native side, which knows. Never throws. */
  void discard();
}

package io.nativepythonworker;

/** A worker's socket as one Spark generation knows it. */
public interface WorkerConnection {
  /** The native side's name for the worker. */
  long id();

  /** Whether nobody has closed it on this side. */
  boolean isOpen();

  /** Closes the socket without telling the native side, which knows. Never throws. */
  void discard();
}

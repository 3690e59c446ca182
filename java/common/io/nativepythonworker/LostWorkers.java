package io.nativepythonworker;

import java.io.IOException;
import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.nio.channels.SocketChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Workers that Spark has let go of without a word: an interrupt can end the listener of a task
 * before it comes to close its worker. When the garbage collector has found that nobody has such a
 * worker any more, its connection is closed here, and it exits.
 */
final class LostWorkers {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  private static final ReferenceQueue<WorkerConnection> UNREACHABLE = new ReferenceQueue<>();

  /** Keeps the references themselves reachable. */
  private static final Set<Reference<?>> WATCHED = ConcurrentHashMap.newKeySet();

  private LostWorkers() {}

  /** Holds what is needed to close a worker, but not the worker. */
  private static final class Watched extends PhantomReference<WorkerConnection> {
    private final long factory;
    private final long worker;
    private final SocketChannel channel;

    Watched(long factory, WorkerConnection connection, SocketChannel channel) {
      super(connection, UNREACHABLE);
      this.factory = factory;
      this.worker = connection.id();
      this.channel = channel;
    }

    void close() {
      try {
        channel.close();
      } catch (IOException failure) {
        LOGGER.debug("Failed to close the socket of a lost worker", failure);
      } finally {
        NativePythonWorkerFactory.closed(factory, worker); // no harm where it is closed or gone
      }
    }
  }

  /**
   * From now on {@code connection} is looked after.
   *
   * @param channel its own, which must not refer to it
   */
  static void watch(long factory, WorkerConnection connection, SocketChannel channel) {
    WATCHED.add(new Watched(factory, connection, channel));
  }

  /** Closes those that have been found since the last call; does nothing, and quickly, if none. */
  static void close() {
    for (Reference<?> found = UNREACHABLE.poll(); found != null; found = UNREACHABLE.poll()) {
      WATCHED.remove(found);
      ((Watched) found).close();
    }
  }
}

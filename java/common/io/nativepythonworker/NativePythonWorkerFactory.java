package io.nativepythonworker;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.spark.SparkConf;

/**
 * One factory's native side: Spark's operations on it, and the sockets of its idle workers.
 *
 * <p>The operations throw what Spark's own factory throws, checked exceptions included, although
 * none is declared.
 *
 * @param <W> what this Spark generation calls a worker
 */
public final class NativePythonWorkerFactory<W extends WorkerConnection> {
  /** The logger that users know Spark's own factory by. */
  public static final String LOG_NAME = "org.apache.spark.api.python.PythonWorkerFactory";

  private static final long NO_WORKER = 0;

  private static boolean initialized;

  private final long id;
  private final Object lock;
  private final Wrapper<W> wrapper;

  /** Null where what workers print goes to the standard error. */
  private final OutputThread standardOutput;

  private final Map<Long, W> idle = new ConcurrentHashMap<>();
  private final TaskWorkers<W> tasks = new TaskWorkers<>(this);
  private final AtomicInteger waiting = new AtomicInteger();
  private final WorkerMetrics metrics = new WorkerMetrics();
  private volatile boolean stopped;

  /** Makes this Spark generation's object for a worker; it takes the channel over. */
  public interface Wrapper<W extends WorkerConnection> {
    W wrap(NativePythonWorkerFactory<W> factory, long id, long pid, SocketChannel channel)
        throws IOException;
  }

  private NativePythonWorkerFactory(
      long id, Object lock, Wrapper<W> wrapper, OutputThread standardOutput) {
    this.id = id;
    this.lock = lock;
    this.wrapper = wrapper;
    this.standardOutput = standardOutput;
  }

  /**
   * Loads the library and binds it; once that is done, this does nothing.
   *
   * @param libraryPath file to load and no other; empty for the usual search
   */
  static synchronized void start(String libraryPath) {
    if (!initialized) {
      NativeLibrary.load(libraryPath);
      initialize(version());
      initialized = true;
    }
  }

  /** The version of this jar; null where the classes are in no jar. */
  static String version() {
    return NativePythonWorkerFactory.class.getPackage().getImplementationVersion();
  }

  /** Fails with an IllegalArgumentException that names the first setting that is of no use. */
  static void checkSettings(SparkConf conf) {
    check(pairs(CommonProperties.settings(conf)));
  }

  /**
   * Starts in the background what factories with these properties and this environment will use;
   * see {@link #open}.
   *
   * @param whenIdle not before this JVM leaves a core to it
   */
  static void prewarm(
      Map<String, String> properties, Map<String, String> environment, boolean whenIdle) {
    NativeEvents.followLevel();
    NativeEvents.start();
    prewarm(pairs(properties), pairs(environment), whenIdle);
  }

  /**
   * Opens a factory; no process is started yet.
   *
   * @param lock what callers may hold the monitor of: SparkEnv; a create that waits gives it up
   * @param properties see {@link FactoryProperties}; a bad value is an IllegalArgumentException
   * @param environment variables of the factory's key
   * @param standardOutput takes the workers' standard output
   */
  public static <W extends WorkerConnection> NativePythonWorkerFactory<W> open(
      Object lock,
      Map<String, String> properties,
      Map<String, String> environment,
      Wrapper<W> wrapper,
      StandardOutput standardOutput) {
    NativeEvents.followLevel();
    long id = open(pairs(properties), pairs(environment));
    NativePythonWorkerFactory<W> factory =
        new NativePythonWorkerFactory<>(id, lock, wrapper, outputThread(id, standardOutput));
    NativeEvents.register(id, factory.new Receiver());
    return factory;
  }

  private static OutputThread outputThread(long id, StandardOutput output) {
    return output == StandardOutput.STANDARD_ERROR ? null : OutputThread.of(id, output);
  }

  private static String[] pairs(Map<String, String> map) {
    List<String> pairs = new ArrayList<>(2 * map.size());
    map.forEach(
        (name, value) -> {
          pairs.add(name);
          pairs.add(value);
        });
    return pairs.toArray(new String[0]);
  }

  /**
   * An idle worker, else a new one. One that has to be waited for is waited for without the lock;
   * an interrupt ends the wait, and leaves the worker to the next task.
   */
  public W create() {
    keepDelivering();
    W ready = idleOrReady();
    return tasks.begin(ready == null ? createNew() : ready);
  }

  /**
   * As {@link #create}, but gives a connection to nobody. It is no worker's, so it is in no figure.
   */
  public W rehearse() {
    keepDelivering();
    idleOrReady();
    WorkerMetrics.rehearse();
    return tasks.begin(wrap(unconnected()));
  }

  private void keepDelivering() {
    NativeEvents.keepRunning();
    if (standardOutput != null) {
      standardOutput.keepRunning();
    }
  }

  /** What nobody has to wait for; null where there is none. */
  private W idleOrReady() {
    NativeEvents.followLevel();
    long began = idle.isEmpty() ? System.nanoTime() : metrics.beginIdle();
    NativeWorker[] ready = new NativeWorker[1];
    for (long worker = take(id, ready); worker != NO_WORKER; worker = take(id, ready)) {
      W known = idle.remove(worker);
      if (known != null && known.isOpen()) {
        metrics.endIdle(began);
        return known;
      }
      stopWorker(id, worker); // closed by its last user just now, while it was handed out
    }
    if (ready[0] == null) {
      return null;
    }
    W worker = wrap(ready[0]);
    WorkerMetrics.endSpare(began);
    return worker;
  }

  private W createNew() {
    long began = System.nanoTime();
    W worker = waitingFor(() -> OffLock.call(lock, () -> wrap(create(id)), this::release));
    WorkerMetrics.endNew(began);
    return worker;
  }

  /**
   * A process for one worker, never pooled.
   *
   * @param workerModule Python module to run; null for the factory's own
   */
  public W createSimple(String workerModule) {
    keepDelivering();
    NativeEvents.followLevel();
    return tasks.begin(
        waitingFor(
            () ->
                OffLock.call(lock, () -> wrap(createSimple(id, workerModule)), this::stopWorker)));
  }

  private W waitingFor(Supplier<W> create) {
    waiting.incrementAndGet();
    try {
      return create.get();
    } finally {
      waiting.decrementAndGet();
    }
  }

  /**
   * Whether it could be stopped and nobody would miss it: it has had no worker, and no request for
   * one, for a while. Call it with the lock's monitor held.
   */
  boolean isUnused() {
    return waiting.get() == 0 && isUnused(id);
  }

  private W wrap(NativeWorker worker) {
    try {
      return wrapper.wrap(this, worker.id(), worker.pid(), worker.channel());
    } catch (IOException | RuntimeException | Error failure) {
      stopWorker(id, worker.id());
      closeQuietly(worker.channel(), failure);
      if (failure instanceof Error) {
        throw (Error) failure;
      }
      throw new IllegalStateException(
          "The socket of Python worker " + worker.pid() + " cannot be used", failure);
    }
  }

  private static void closeQuietly(SocketChannel channel, Throwable failure) {
    try {
      channel.close();
    } catch (IOException suppressed) {
      failure.addSuppressed(suppressed);
    }
  }

  /** Puts a worker back into the pool; one whose socket is closed is forgotten. */
  public void release(W worker) {
    NativeEvents.followLevel();
    tasks.end(worker);
    if (!worker.isOpen()) {
      closed(id, worker.id());
      return;
    }
    idle.put(worker.id(), worker); // first, because it can be handed out or evicted from here on
    try {
      release(id, worker.id());
    } catch (Throwable failure) {
      if (idle.remove(worker.id(), worker)) {
        stopWorker(worker);
      }
      throw failure;
    }
    if (stopped) { // a task that outlived its SparkEnv: no event would come for this worker
      closeIdle(worker.id());
    }
  }

  /** Closes the socket of a worker that is never pooled, whose process ends when it is done. */
  public void letGo(W worker) {
    NativeEvents.followLevel();
    tasks.end(worker);
    try {
      release(id, worker.id());
    } finally {
      worker.discard();
    }
  }

  /** Kills a worker's process and closes its socket; one that is gone already is no error. */
  public void stopWorker(W worker) {
    NativeEvents.followLevel();
    tasks.end(worker);
    idle.remove(worker.id(), worker);
    try {
      stopWorker(id, worker.id());
    } finally {
      worker.discard();
    }
  }

  /** Notes that a worker's socket was closed by its user. */
  public void closed(W worker) {
    closed(id, worker.id());
  }

  public boolean isAlive(W worker) {
    return isAlive(id, worker.id());
  }

  /**
   * What to say of a worker whose connection has ended or is broken, with the cause of its death;
   * null where Spark has wanted it, or where it is not known, which takes a second to find out.
   */
  public String whyEnded(W worker) {
    return whyEnded(id, worker.id());
  }

  /** Asks a worker's process to end (SIGTERM); true where a signal was sent. */
  public boolean terminate(W worker) {
    return terminate(id, worker.id());
  }

  /** Closes idle workers and ends the processes. A second call does nothing. */
  public void stop() {
    try {
      giveUp();
    } finally {
      NativeEvents.flush();
      if (standardOutput != null) {
        standardOutput.awaitClosed();
      }
    }
  }

  /** As {@link #stop}, without a wait for what its Python has printed: that is delivered later. */
  void giveUp() {
    NativeEvents.followLevel();
    stopped = true;
    try {
      stop(id);
    } finally {
      idle.keySet().forEach(this::closeIdle);
      NativeEvents.unregister(id, this::closeOutput);
    }
  }

  private void closeOutput() {
    if (standardOutput != null) {
      standardOutput.close();
    }
  }

  private void closeIdle(long worker) {
    W known = idle.remove(worker);
    if (known != null) {
      known.discard();
    }
  }

  private final class Receiver implements NativeEvents.Receiver {
    @Override
    public OutputThread standardOutput() {
      return standardOutput;
    }

    @Override
    public void closeIdle(long worker) {
      NativePythonWorkerFactory.this.closeIdle(worker);
    }
  }

  private static native void initialize(String version);

  private static native void check(String[] settings);

  private static native void prewarm(String[] properties, String[] environment, boolean whenIdle);

  /** Releases what was started ahead: it ends if no factory uses it. */
  static native void releasePrewarmed();

  /**
   * Has zygotes load these modules as well, separated by commas, where they load what is learned.
   */
  static native void loadToo(String modules);

  /**
   * What zygotes of this Spark load if no setting says otherwise, as JSON: the {@code modules}, and
   * the {@code environment} that they are loaded under.
   */
  static native String loadedAhead(String spark);

  /** What there is now and has happened, as JSON; see {@link NativeReport}. */
  static native String report();

  private static native long open(String[] properties, String[] environment);

  /**
   * The id of an idle worker, handed out by this; {@link #NO_WORKER} where there is none. Then a
   * new one that was made ready ahead is put into {@code ready}, if there is one.
   */
  private static native long take(long factory, NativeWorker[] ready);

  private static native NativeWorker create(long factory);

  /** Like a new one, but no worker's: {@link #NO_WORKER}, with a connection that has ended. */
  private static native NativeWorker unconnected();

  private static native NativeWorker createSimple(long factory, String workerModule);

  private static native void release(long factory, long worker);

  private static native void stopWorker(long factory, long worker);

  /** Its user has closed the worker's socket. */
  private static native void closed(long factory, long worker);

  private static native boolean isAlive(long factory, long worker);

  private static native String whyEnded(long factory, long worker);

  private static native boolean isUnused(long factory);

  private static native boolean terminate(long factory, long worker);

  private static native void stop(long factory);
}

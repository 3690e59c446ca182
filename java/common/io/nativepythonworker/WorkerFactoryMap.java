package io.nativepythonworker;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiPredicate;
import org.apache.spark.SparkEnv;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Function0;
import scala.Option;
import scala.Product;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.collection.mutable.HashMap;

/**
 * SparkEnv's map of Python worker factories, making native ones for keys that it has not seen. Each
 * session has a key of its own, so those that are not used any more are given up.
 */
public final class WorkerFactoryMap extends HashMap<Object, Object> {
  private static final Logger LOGGER = LoggerFactory.getLogger(WorkerFactoryMap.class);

  private final WorkerFactoryBuilder builder;
  private boolean warned;

  WorkerFactoryMap(WorkerFactoryBuilder builder) {
    this.builder = builder;
  }

  /** Whether the map of {@code env} has been replaced. */
  static boolean isInstalled(SparkEnv env) throws ReflectiveOperationException {
    // By name: it may be of another class loader.
    return field().get(env).getClass().getName().equals(WorkerFactoryMap.class.getName());
  }

  /** Replaces the map of {@code env}; factories that are there already are kept. */
  static void install(SparkEnv env, WorkerFactoryBuilder builder)
      throws ReflectiveOperationException {
    WorkerFactoryMap replacement = new WorkerFactoryMap(builder);
    synchronized (env) { // SparkEnv's own lock around every use of the map
      replacement.putAll((HashMap<?, ?>) field().get(env));
      field().set(env, replacement);
    }
  }

  /** Stops the factories for this interpreter, if the map of {@code env} is one of these. */
  public static void stop(SparkEnv env, String pythonExec) throws ReflectiveOperationException {
    List<NativeBacked> stopped;
    synchronized (env) {
      Object map = field().get(env);
      if (!(map instanceof WorkerFactoryMap)) {
        return;
      }
      stopped =
          ((WorkerFactoryMap) map)
              .takeOut((key, factory) -> ((Product) key).productElement(0).equals(pythonExec));
    }
    stopped.forEach(WorkerFactoryMap::giveUp);
  }

  private static Field field() throws ReflectiveOperationException {
    // By name: listing the members of 4.3's SparkEnv needs classes that are not there.
    Field field = SparkEnv.class.getDeclaredField("pythonWorkers");
    field.setAccessible(true);
    return field;
  }

  private void putAll(HashMap<?, ?> other) {
    Iterator<? extends Tuple2<?, ?>> entries = other.iterator();
    while (entries.hasNext()) {
      Tuple2<?, ?> entry = entries.next();
      put(entry._1(), entry._2());
    }
  }

  /** Called by SparkEnv with its monitor held. */
  @Override
  public Object getOrElseUpdate(Object key, Function0<Object> stock) {
    Option<Object> known = get(key);
    if (known.isDefined()) {
      return known.get();
    }
    Object factory = build(key, stock);
    // Before the new one is in, which is that as well.
    List<NativeBacked> unused = takeOut((other, one) -> one.workers().isUnused());
    put(key, factory);
    // After it was made: with its last factory the native side ends all that it has.
    unused.forEach(WorkerFactoryMap::giveUp);
    return factory;
  }

  /** Takes out the native factories that {@code which} is true of, with their keys. */
  private List<NativeBacked> takeOut(BiPredicate<Object, NativeBacked> which) {
    List<Object> keys = new ArrayList<>();
    List<NativeBacked> removed = new ArrayList<>();
    Iterator<Tuple2<Object, Object>> entries = iterator();
    while (entries.hasNext()) {
      Tuple2<Object, Object> entry = entries.next();
      if (entry._2() instanceof NativeBacked && which.test(entry._1(), (NativeBacked) entry._2())) {
        keys.add(entry._1());
        removed.add((NativeBacked) entry._2());
      }
    }
    keys.forEach(this::remove);
    return removed;
  }

  private static void giveUp(NativeBacked factory) {
    try {
      factory.workers().giveUp();
    } catch (Exception | LinkageError failure) {
      LOGGER.warn("Failed to stop an unused factory of Python workers", failure);
    }
  }

  private Object build(Object key, Function0<Object> stock) {
    try {
      return builder.build((Product) key, stock);
    } catch (Exception | LinkageError failure) {
      if (Rehearsal.isKey((Product) key)) {
        throw failure; // Spark's own would start its interpreter
      }
      if (!warned) {
        warned = true;
        LOGGER.warn(
            "Spark's own factory serves Python; the native one did not start: {}",
            failure.getMessage(),
            failure);
      }
      return stock.apply();
    }
  }
}

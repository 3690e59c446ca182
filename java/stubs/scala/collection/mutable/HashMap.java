package scala.collection.mutable;

import scala.Function0;
import scala.Option;
import scala.Tuple2;
import scala.collection.Iterator;

/**
 * Compile-only stand-in for Scala's class, never in the jar. javac refuses to subclass the real
 * one, because it finds clashing generics among its inherited methods. These signatures are the
 * same in Scala 2.12 and 2.13.
 */
public class HashMap<K, V> {
  public Option<V> get(K key) {
    throw new UnsupportedOperationException("stub");
  }

  public Option<V> put(K key, V value) {
    throw new UnsupportedOperationException("stub");
  }

  public Option<V> remove(K key) {
    throw new UnsupportedOperationException("stub");
  }

  public V getOrElseUpdate(K key, Function0<V> defaultValue) {
    throw new UnsupportedOperationException("stub");
  }

  public Iterator<Tuple2<K, V>> iterator() {
    throw new UnsupportedOperationException("stub");
  }
}

package org.apache.spark.api.python;

import scala.Option;

/** Compile-only stand-in for Spark 4.3's interface, never in the jar: older Sparks lack it. */
public interface PythonWorkerHandle {
  boolean isAlive();

  boolean destroy();

  Option<String> terminationDiagnostics();
}

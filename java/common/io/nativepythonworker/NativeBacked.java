package io.nativepythonworker;

/** A factory of this Spark generation that stands before a native one. */
public interface NativeBacked {
  NativePythonWorkerFactory<?> workers();
}

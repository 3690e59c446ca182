package io.nativepythonworker.ui;

import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/** Hears from Spark which executors have ended, and why. */
public final class ExecutorEnds extends SparkListener {
  private final ExecutorStore store;

  /** Notes them in {@code store}. */
  public ExecutorEnds(ExecutorStore store) {
    this.store = store;
  }

  @Override
  public void onExecutorRemoved(SparkListenerExecutorRemoved event) {
    store.gone(event.executorId(), event.reason());
  }
}

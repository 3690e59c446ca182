package io.nativepythonworker.spark4;

import scala.Option;

/** Handles for Spark 4.0 to 4.2. */
final class ProcessHandles implements WorkerHandles {
  @Override
  public Option<?> of(Spark4Worker worker) {
    return Option.apply(ProcessHandle.of(worker.pid()).orElse(null));
  }
}

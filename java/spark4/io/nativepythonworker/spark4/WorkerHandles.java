package io.nativepythonworker.spark4;

import scala.Option;

/**
 * Makes what a runner holds on to a worker's process by: a ProcessHandle up to Spark 4.2, a
 * PythonWorkerHandle in 4.3.
 */
interface WorkerHandles {
  Option<?> of(Spark4Worker worker);
}

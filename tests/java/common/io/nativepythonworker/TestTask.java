package io.nativepythonworker;

import org.apache.spark.TaskContext$;
import org.apache.spark.TaskContextImpl;
import scala.Option;

/** A task that the calling thread runs, as Spark's executor sees it. */
public final class TestTask {
  private final TaskContextImpl context = TaskContext$.MODULE$.empty();

  /** Starts it. */
  public TestTask() {
    TaskContext$.MODULE$.setTaskContext(context);
  }

  /** Asks it to end. */
  public void kill() {
    context.markInterrupted("killed by a test");
  }

  /** Ends it. The thread has no task from then on. */
  public void end() {
    TaskContext$.MODULE$.unset();
    context.markTaskCompleted(Option.empty());
  }
}

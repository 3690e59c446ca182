package io.nativepythonworker;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.TaskContext;
import org.apache.spark.util.TaskCompletionListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which task has which worker. At a task's end Spark closes its worker, and no more: one that
 * computes goes on, although its task was killed. And where the task was interrupted while its
 * writer still runs, Spark 3.5 does not come to close it. So workers of killed tasks, and those
 * that are left open, are stopped here.
 */
final class TaskWorkers<W extends WorkerConnection> {
  private static final Logger LOGGER = LoggerFactory.getLogger(NativePythonWorkerFactory.LOG_NAME);

  private final NativePythonWorkerFactory<W> factory;
  private final Map<Long, TaskContext> tasks = new ConcurrentHashMap<>();

  TaskWorkers(NativePythonWorkerFactory<W> factory) {
    this.factory = factory;
  }

  /** From now on the calling thread's task has {@code worker}, if the thread has a task. */
  W begin(W worker) {
    TaskContext task = TaskContext.get();
    TaskCompletionListener end = new End(worker); // in any case: a rehearsal has no task
    if (task != null) {
      tasks.put(worker.id(), task);
      // Spark's own comes later, and so is called before.
      task.addTaskCompletionListener(end);
    }
    return worker;
  }

  private final class End implements TaskCompletionListener {
    private final W worker;

    End(W worker) {
      this.worker = worker;
    }

    @Override
    public void onTaskCompletion(TaskContext task) {
      taskEnded(task, worker);
    }
  }

  /** No task has the worker any more: it was given back or stopped. */
  void end(W worker) {
    tasks.remove(worker.id());
  }

  private void taskEnded(TaskContext task, W worker) {
    if (tasks.remove(worker.id(), task) && (task.isInterrupted() || worker.isOpen())) {
      LOGGER.debug("Stopping worker {}, which task {} has left", worker, task.taskAttemptId());
      stop(worker);
    }
  }

  /** A failure is not the task's, which has come to its end: thrown here it would be. */
  private void stop(W worker) {
    try {
      factory.stopWorker(worker);
    } catch (Exception | LinkageError failure) {
      LOGGER.warn("Failed to stop worker {}", worker, failure);
    }
  }
}

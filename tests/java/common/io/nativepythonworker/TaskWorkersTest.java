package io.nativepythonworker;

import static org.junit.Assert.assertEquals;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class TaskWorkersTest {
  private NativePythonWorkerFactory<WorkerConnection> factory;

  /** Its socket cannot even be closed. */
  private static final class Broken implements WorkerConnection {
    @Override
    public long id() {
      return 1;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void discard() {
      throw new IllegalStateException("not to be stopped");
    }
  }

  @Before
  public void open() {
    NativePythonWorkerFactory.start("");
    factory = TestFactory.open();
  }

  @After
  public void stop() {
    factory.stop();
  }

  @Test
  public void aWorkerThatCannotBeStoppedDoesNotFailItsTask() {
    TestTask task = new TestTask();
    new TaskWorkers<>(factory).begin(new Broken());
    try (LogRecorder log = new LogRecorder(NativePythonWorkerFactory.LOG_NAME)) {
      task.end();
      List<String> warnings =
          log.lines().stream()
              .filter(line -> line.startsWith("WARN Failed to stop worker"))
              .collect(Collectors.toList());
      assertEquals(log.lines().toString(), 1, warnings.size());
    }
  }
}

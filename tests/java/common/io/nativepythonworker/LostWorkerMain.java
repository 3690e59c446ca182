package io.nativepythonworker;

import java.util.Map;

/**
 * Starts a worker in a JVM that can make no channel of its socket, and tells whether the worker has
 * ended although its factory goes on.
 */
final class LostWorkerMain {
  private LostWorkerMain() {}

  public static void main(String[] none) throws Exception {
    NativePythonWorkerFactory.start("");
    NativePythonWorkerFactory<WorkerConnection> factory =
        NativePythonWorkerFactory.open(
            new Object(),
            Map.of(
                "sparkVersion", "4.3.0",
                "pythonExec", TestSpark.python(),
                "workerModule", "echo_worker",
                "daemonModule", "pyspark.daemon",
                "useDaemon", "true",
                "pythonPath", System.getProperty("testModules"),
                "preferIpv6", "false"),
            Map.of(),
            (owner, id, pid, channel) -> null,
            StandardOutput.STANDARD_ERROR);
    try {
      factory.createSimple(null);
      System.out.println("created");
    } catch (Throwable failure) {
      System.out.println("failed: " + failure);
    }
    boolean ended =
        TestSpark.eventually(() -> ProcessHandle.current().children().findAny().isEmpty());
    System.out.println(ended ? "the worker has ended" : "the worker goes on");
  }
}

package io.nativepythonworker;

import java.util.HashMap;
import java.util.Map;

/** Native factories that start no process. */
final class TestFactory {
  private TestFactory() {}

  static NativePythonWorkerFactory<WorkerConnection> open() {
    return open(Map.of(), StandardOutput.STANDARD_ERROR);
  }

  static NativePythonWorkerFactory<WorkerConnection> open(
      Map<String, String> settings, StandardOutput standardOutput) {
    Map<String, String> properties =
        new HashMap<>(
            Map.of(
                "sparkVersion", "4.3.0",
                "pythonExec", "python3",
                "workerModule", "pyspark.worker",
                "daemonModule", "pyspark.daemon",
                "useDaemon", "true",
                "pythonPath", "",
                "preferIpv6", "false"));
    properties.putAll(settings);
    return NativePythonWorkerFactory.open(
        new Object(), properties, Map.of(), (owner, id, pid, channel) -> null, standardOutput);
  }
}

package io.nativepythonworker.spark4;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;

import io.nativepythonworker.SparkVersion;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.api.python.PythonWorkerHandle;
import org.apache.spark.package$;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import scala.Option;

public class WorkerHandlesTest {
  private static final long PID = 4711;

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void aCrashReportIsGivenOnceAndItsFileRemoved() throws IOException {
    assumeTrue(
        "no PythonWorkerHandle before 4.3",
        SparkVersion.parse(package$.MODULE$.SPARK_VERSION()).atLeast(4, 3));
    PythonWorkerHandle handle = handle(folder.getRoot().getPath());
    assertTrue(handle.terminationDiagnostics().isEmpty());
    Path file = folder.newFile(Long.toString(PID)).toPath();
    Files.writeString(file, "Fatal Python error");
    assertEquals(Option.apply("Fatal Python error\n"), handle.terminationDiagnostics());
    assertTrue(Files.notExists(file));
    assertTrue(handle.terminationDiagnostics().isEmpty());
    assertTrue(handle(null).terminationDiagnostics().isEmpty());
  }

  private static PythonWorkerHandle handle(String directory) throws IOException {
    try (SocketChannel channel = SocketChannel.open()) {
      Spark4Worker worker = new Spark4Worker(null, 1, PID, channel);
      return (PythonWorkerHandle) new NativeWorkerHandles(directory).of(worker).get();
    }
  }

  @Test
  public void aProcessThatIsGoneHasNoHandle() throws IOException {
    try (SocketChannel channel = SocketChannel.open()) {
      ProcessHandles handles = new ProcessHandles();
      long own = ProcessHandle.current().pid();
      assertEquals(
          Option.apply(ProcessHandle.current()),
          handles.of(new Spark4Worker(null, 1, own, channel)));
      assertTrue(handles.of(new Spark4Worker(null, 2, Integer.MAX_VALUE, channel)).isEmpty());
    }
  }
}

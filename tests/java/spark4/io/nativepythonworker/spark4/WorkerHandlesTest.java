package io.nativepythonworker.spark4;

import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;

import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.TestSpark;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.api.python.PythonWorkerHandle;
import org.apache.spark.package$;
import org.junit.ClassRule;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import scala.Option;
import scala.Product;
import scala.Tuple4;

public class WorkerHandlesTest {
  private static final long PID = 4711;
  private static final SparkVersion VERSION = SparkVersion.parse(package$.MODULE$.SPARK_VERSION());

  @ClassRule public static final TestSpark SPARK = new TestSpark();

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void aCrashReportIsGivenOnceAndItsFileRemoved() throws IOException {
    assumeTrue("no PythonWorkerHandle before 4.3", VERSION.atLeast(4, 3));
    String directory = folder.getRoot().getPath();
    assertTrue(diagnostics(directory).isEmpty());
    Path file = folder.newFile(Long.toString(PID)).toPath();
    Files.writeString(file, "Fatal Python error");
    assertEquals(Option.apply("Fatal Python error\n"), diagnostics(directory));
    assertTrue(Files.notExists(file));
    assertTrue(diagnostics(directory).isEmpty());
    assertTrue(diagnostics(null).isEmpty());
  }

  /** Names no class of 4.3 in its signature: JUnit lists the methods on older Sparks, too. */
  private static Option<String> diagnostics(String directory) throws IOException {
    var builder = new Spark4WorkerFactoryBuilder(VERSION);
    Product key = new Tuple4<>(python(), "pyspark.worker", "pyspark.daemon", variables("handles"));
    var factory = (Spark4WorkerFactory) builder.build(key, null);
    try (SocketChannel channel = SocketChannel.open()) {
      Spark4Worker worker = new Spark4Worker(factory.workers(), Long.MAX_VALUE, PID, channel);
      Object handle = new NativeWorkerHandles(directory).of(worker).get();
      return ((PythonWorkerHandle) handle).terminationDiagnostics();
    } finally {
      factory.stop();
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

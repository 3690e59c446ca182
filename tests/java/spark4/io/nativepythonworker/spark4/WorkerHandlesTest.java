package io.nativepythonworker.spark4;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
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

  /** Up to Spark 4.2; a runner ends its worker by this, and must not hear then that it crashed. */
  @Test
  public void aWorkerThatARunnerEndsIsNotSaidToHaveDied() throws Exception {
    Product key = new Tuple4<>(python(), "pyspark.worker", "pyspark.daemon", variables("ended"));
    var factory = (Spark4WorkerFactory) new Spark4WorkerFactoryBuilder(VERSION).build(key, null);
    for (int round = 0; round < 2; round++) {
      Spark4Worker worker = (Spark4Worker) factory.create()._1();
      var handle = (ProcessHandle) new ProcessHandles().of(worker).get();
      assertTrue(handle.isAlive());
      assertTrue(round == 0 ? handle.destroy() : handle.destroyForcibly());
      assertTrue(eventually(() -> !handle.isAlive()));
      assertNull(worker.whyEnded());
      assertFalse(handle.destroy());
    }
    factory.stop();
  }

  @Test
  public void aProcessThatIsGoneHasNoHandle() throws IOException {
    // Not this JVM itself: -Xcheck:jni complains of the JDK's look at a process with as many
    // arguments.
    Process process = new ProcessBuilder("sleep", "600").start();
    try (SocketChannel channel = SocketChannel.open()) {
      ProcessHandles handles = new ProcessHandles();
      long pid = process.pid();
      var handle = (ProcessHandle) handles.of(new Spark4Worker(null, 1, pid, channel)).get();
      assertEquals(pid, handle.pid());
      assertEquals(process.info().command(), handle.info().command());
      assertTrue(handles.of(new Spark4Worker(null, 2, Integer.MAX_VALUE, channel)).isEmpty());
    } finally {
      process.destroyForcibly();
    }
  }
}

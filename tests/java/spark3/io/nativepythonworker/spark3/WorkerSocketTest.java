package io.nativepythonworker.spark3;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.SocketTraffic;
import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.TestSpark;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.After;
import org.junit.Before;
import org.junit.ClassRule;
import org.junit.Test;
import scala.Tuple2;

/** Workers as Spark 3.5's runners use them, at the other end a Python process that echoes. */
public class WorkerSocketTest {
  @ClassRule public static final TestSpark SPARK = new TestSpark();

  private Spark3WorkerFactory factory;
  private WorkerSocket socket;

  @Before
  public void createWorker() {
    var builder = new Spark3WorkerFactoryBuilder(SparkVersion.parse("3.5.9"));
    factory = (Spark3WorkerFactory) builder.build(new Tuple2<>(python(), variables("echo")), null);
    socket = (WorkerSocket) factory.createStreamingWorker("echo_worker")._1();
  }

  @After
  public void stopFactory() {
    factory.stopWorker(socket);
    factory.stop();
    factory.stop();
  }

  @Test
  public void oneGibibyteComesBackWhileItIsBeingSent() throws Exception {
    InputStream in = socket.getInputStream();
    SocketTraffic.echo(socket.getOutputStream(), in, 1L << 30);
    socket.shutdownOutput();
    assertTrue(socket.isOutputShutdown());
    assertArrayEquals("bye".getBytes(StandardCharsets.US_ASCII), in.readAllBytes());
    assertEquals(-1, in.read());
    assertTrue(eventually(() -> !runs(socket.pid())));
  }

  @Test
  public void afterAHalfCloseOnlyTheOtherHalfWorks() throws Exception {
    OutputStream out = socket.getOutputStream();
    out.write(7);
    socket.shutdownOutput();
    assertThrows(SocketException.class, () -> out.write(8));
    assertThrows(SocketException.class, socket::getOutputStream);
    assertThrows(SocketException.class, socket::shutdownOutput);
    assertEquals(7, socket.getInputStream().read());
    socket.shutdownInput();
    assertThrows(SocketException.class, socket::getInputStream);
    assertFalse(socket.isClosed());
  }

  @Test
  public void closingWakesABlockedReader() throws Exception {
    InputStream in = socket.getInputStream();
    Throwable failure = SocketTraffic.closeWhileReading(in::read, socket::close);
    assertEquals(SocketException.class, failure.getClass());
    assertTrue(eventually(() -> !runs(socket.pid())));
  }

  @Test
  public void interruptingAReaderEndsTheWorker() throws Exception {
    InputStream in = socket.getInputStream();
    AtomicReference<Thread> reader = new AtomicReference<>();
    Throwable failure =
        SocketTraffic.closeWhileReading(
            () -> {
              reader.set(Thread.currentThread());
              return in.read();
            },
            () -> {
              eventually(() -> reader.get() != null);
              reader.get().interrupt();
            });
    assertEquals(SocketException.class, failure.getClass());
    assertTrue(socket.isClosed());
    assertTrue(eventually(() -> !runs(socket.pid())));
  }

  /** Spark 3.5 interrupts the writer of a task that ends, and may then fail to close the worker. */
  @Test
  public void interruptingAWriterEndsTheWorker() throws Exception {
    OutputStream out = socket.getOutputStream();
    Thread.currentThread().interrupt();
    try {
      assertThrows(SocketException.class, () -> out.write(7));
    } finally {
      Thread.interrupted();
    }
    assertTrue(socket.isClosed());
    assertTrue(eventually(() -> !runs(socket.pid())));
  }

  @Test
  public void aClosedSocketRefusesAsAnyOtherDoes() throws Exception {
    InputStream in = socket.getInputStream();
    OutputStream out = socket.getOutputStream();
    out.close();
    assertTrue(socket.isClosed());
    socket.close();
    assertThrows(SocketException.class, in::read);
    assertThrows(SocketException.class, () -> out.write(1));
    assertThrows(SocketException.class, socket::getInputStream);
    assertThrows(SocketException.class, socket::shutdownOutput);
  }

  @Test
  public void whoUsesAWorkerThatIsGoneHearsHowItEnded() throws Exception {
    ProcessHandle.of(socket.pid()).orElseThrow().destroyForcibly();
    String killed = "(pid " + socket.pid() + ") was killed by signal 9 (SIGKILL)";
    Exception read = assertThrows(EOFException.class, () -> socket.getInputStream().read());
    assertTrue(read.getMessage(), read.getMessage().contains(killed));
    Exception write =
        assertThrows(
            SocketException.class,
            () -> {
              while (true) {
                socket.getOutputStream().write(new byte[4096]);
              }
            });
    assertTrue(write.getMessage(), write.getMessage().contains(killed));
  }

  @Test
  public void addressesAndOptionsAreASockets() throws IOException {
    assertTrue(socket.getInetAddress().isLoopbackAddress());
    assertTrue(socket.getLocalAddress().isLoopbackAddress());
    assertTrue(socket.getPort() > 0 && socket.getLocalPort() > 0);
    assertEquals(
        new InetSocketAddress(socket.getInetAddress(), socket.getPort()),
        socket.getRemoteSocketAddress());
    socket.setTcpNoDelay(true);
    assertTrue(socket.getTcpNoDelay());
    socket.setKeepAlive(true);
    assertTrue(socket.getKeepAlive());
    assertTrue(socket.getSendBufferSize() > 0 && socket.getReceiveBufferSize() > 0);
    socket.setSoTimeout(0);
    assertEquals(0, socket.getSoTimeout());
    assertThrows(SocketException.class, () -> socket.setSoTimeout(1000));
    assertThrows(
        SocketException.class,
        () -> socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), 1)));
    assertThrows(SocketException.class, () -> socket.bind(null));
  }

  @Test
  public void readsOfNothingAndBeyondTheArrayAreAsUsual() throws IOException {
    assertEquals(0, socket.getInputStream().read(new byte[0]));
    assertThrows(
        IndexOutOfBoundsException.class, () -> socket.getInputStream().read(new byte[2], 1, 2));
    assertThrows(
        IndexOutOfBoundsException.class, () -> socket.getOutputStream().write(new byte[2], 1, 2));
  }

  @Test
  public void aStoppedFactoryEndsItsWorkersAndMakesNoMore() throws Exception {
    factory.stop();
    assertTrue(eventually(() -> !runs(socket.pid())));
    assertThrows(IllegalStateException.class, factory::create);
    factory.releaseWorker(socket);
    assertTrue(eventually(socket::isClosed));
  }
}

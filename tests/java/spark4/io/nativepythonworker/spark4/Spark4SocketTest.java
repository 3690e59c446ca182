package io.nativepythonworker.spark4;

import static io.nativepythonworker.TestSpark.eventually;
import static io.nativepythonworker.TestSpark.python;
import static io.nativepythonworker.TestSpark.runs;
import static io.nativepythonworker.TestSpark.variables;
import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.SocketTraffic;
import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.TestSpark;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.apache.spark.SparkEnv;
import org.apache.spark.package$;
import org.junit.After;
import org.junit.Before;
import org.junit.ClassRule;
import org.junit.Test;
import scala.Product;
import scala.Tuple4;

/** Workers as Spark 4's runners use them, at the other end a Python process that echoes. */
public class Spark4SocketTest {
  @ClassRule public static final TestSpark SPARK = new TestSpark();

  private Spark4WorkerFactory factory;

  @Before
  public void openFactory() {
    SparkVersion spark = SparkVersion.parse(package$.MODULE$.SPARK_VERSION());
    Product key = new Tuple4<>(python(), "echo_worker", "pyspark.daemon", variables("echo"));
    SparkEnv.get().conf().set("spark.python.use.daemon", "false");
    factory = (Spark4WorkerFactory) new Spark4WorkerFactoryBuilder(spark).build(key, null);
  }

  @After
  public void stopFactory() {
    SparkEnv.get().conf().remove("spark.python.use.daemon");
    factory.stop();
    factory.stop();
  }

  private Spark4Worker blocking() {
    return (Spark4Worker) factory.createSimpleWorker(true)._1();
  }

  @Test
  public void aBlockingWorkerHasNoSelector() {
    Spark4Worker worker = blocking();
    assertTrue(worker.channel().isBlocking());
    assertNull(worker.selector());
    assertFalse(factory.isWorkerStopped(worker));
    factory.stopWorker(worker);
  }

  @Test
  public void oneGibibyteComesBackWhileItIsBeingSent() throws Exception {
    Spark4Worker worker = blocking();
    SocketChannel channel = worker.channel();
    SocketTraffic.echo(
        Channels.newOutputStream(new OneWay(channel)),
        Channels.newInputStream(new OneWay(channel)),
        1L << 30);
    channel.shutdownOutput();
    ByteBuffer bye = ByteBuffer.allocate(16);
    while (channel.read(bye) >= 0) {
      assertTrue(bye.hasRemaining());
    }
    assertArrayEquals(
        "bye".getBytes(StandardCharsets.US_ASCII),
        java.util.Arrays.copyOf(bye.array(), bye.position()));
    assertTrue(eventually(() -> factory.isWorkerStopped(worker) || !runs(worker.pid())));
    worker.stop();
  }

  @Test
  public void whoUsesAWorkerThatIsGoneHearsHowItEnded() throws Exception {
    Spark4Worker worker = blocking();
    ProcessHandle.of(worker.pid()).orElseThrow().destroyForcibly();
    String killed = "(pid " + worker.pid() + ") was killed by signal 9 (SIGKILL)";
    Exception read =
        assertThrows(EOFException.class, () -> worker.channel().read(ByteBuffer.allocate(8)));
    assertTrue(read.getMessage(), read.getMessage().contains(killed));
    Exception write =
        assertThrows(
            IOException.class,
            () -> {
              while (true) {
                worker.channel().write(ByteBuffer.allocate(4096));
              }
            });
    assertTrue(write.getMessage(), write.getMessage().contains(killed));
    worker.stop();
  }

  @Test
  public void aSelectorTellsWhenThereIsSomethingToRead() throws Exception {
    Spark4Worker worker = (Spark4Worker) factory.create()._1();
    SelectionKey key = worker.selectionKey();
    key.interestOps(SelectionKey.OP_READ);
    assertEquals(0, worker.selector().select(50));
    worker.channel().write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
    assertEquals(1, worker.selector().select(10_000));
    assertTrue(key.isReadable());
    assertEquals(3, worker.channel().read(ByteBuffer.allocate(8)));
    factory.stopWorker(worker);
  }

  @Test
  public void closingWakesABlockedReader() throws Exception {
    Spark4Worker worker = blocking();
    SocketTraffic.closeWhileReading(
        () -> worker.channel().read(ByteBuffer.allocate(8)), worker::stop);
    assertTrue(eventually(() -> !runs(worker.pid())));
  }

  @Test
  public void aStoppedFactoryEndsItsWorkersAndMakesNoMore() throws Exception {
    Spark4Worker worker = blocking();
    factory.stop();
    assertTrue(eventually(() -> !runs(worker.pid())));
    assertThrows(IllegalStateException.class, factory::create);
    factory.releaseWorker(worker);
    factory.stopWorker(worker);
    assertFalse(worker.channel().isOpen());
  }
}

package io.nativepythonworker.spark3;

import static io.nativepythonworker.TestSpark.eventually;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CompletableFuture;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class ChannelOutputTest {
  private SocketChannel channel;
  private SocketChannel reader;
  private ChannelOutput output;

  @Before
  public void connect() throws Exception {
    try (ServerSocketChannel listener = ServerSocketChannel.open()) {
      listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      channel = SocketChannel.open(listener.getLocalAddress());
      reader = listener.accept();
    }
    output = new ChannelOutput(channel, channel, () -> null);
  }

  @After
  public void close() throws Exception {
    channel.close();
    reader.close();
  }

  /** Many tasks end at once, each with SparkEnv's monitor held. */
  @Test(timeout = 60_000)
  public void aWriterThatIsStuckHoldsUpNobodyForLong() throws Exception {
    assertTrue(output.isQuiet());
    CompletableFuture<Exception> ended = new CompletableFuture<>();
    Thread writer = new Thread(() -> writeForEver(ended));
    writer.start();
    assertTrue(eventually(() -> !output.isQuiet()));
    for (int task = 0; task < 100; task++) {
      assertFalse(output.isQuiet());
    }
    channel.close();
    assertTrue(ended.get() instanceof SocketException);
    assertTrue(eventually(output::isQuiet));
  }

  /** Nobody reads it. */
  private void writeForEver(CompletableFuture<Exception> ended) {
    byte[] bytes = new byte[1 << 26]; // more than the system takes of a write
    try {
      while (true) {
        output.write(bytes);
      }
    } catch (Exception failure) {
      ended.complete(failure);
    }
  }
}

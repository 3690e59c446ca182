package io.nativepythonworker.spark4;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assume.assumeTrue;

import io.nativepythonworker.SparkVersion;
import io.nativepythonworker.TestSpark;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.SparkEnv;
import org.apache.spark.package$;
import org.junit.After;
import org.junit.Before;
import org.junit.ClassRule;
import org.junit.Test;

public class CapturedOutputTest {
  private static final long SMALL_STACK_BYTES = 160 * 1024;

  @ClassRule public static final TestSpark SPARK = new TestSpark();

  private final ByteArrayOutputStream passed = new ByteArrayOutputStream();
  private final PrintStream standardError = System.err;
  private final String session = UUID.randomUUID().toString();
  private CapturedOutput output;

  @Before
  public void open() {
    assumeTrue(
        "no log capture before 4.1",
        SparkVersion.parse(package$.MODULE$.SPARK_VERSION()).atLeast(4, 1));
    System.setErr(new PrintStream(passed, true));
    output = new CapturedOutput(session);
  }

  @After
  public void close() {
    if (output != null) {
      output.close();
    }
    System.setErr(standardError);
  }

  private void write(String text) {
    output.write(text.getBytes(StandardCharsets.UTF_8));
  }

  private String passed() {
    return passed.toString(StandardCharsets.UTF_8);
  }

  private static String marked(int pid, int line) {
    return "PYTHON_WORKER_LOGGING:"
        + pid
        + ":{\"ts\": \"2026-01-01T00:00:00\", \"level\": \"INFO\", \"msg\": \""
        + line
        + "\"}\n";
  }

  @Test
  public void plainLinesPassAndMarkedOnesDoNot() {
    write("first\n" + marked(7, 1) + "before " + marked(7, 2) + "grüße\n");
    assertEquals("first\nbefore grüße\n", passed());
  }

  @Test
  public void linesMayBeCutAnywhere() {
    byte[] bytes = ("one\n" + marked(7, 1) + "two\r\n").getBytes(StandardCharsets.UTF_8);
    for (byte single : bytes) {
      output.write(new byte[] {single});
    }
    assertEquals("one\ntwo\r\n", passed());
  }

  @Test
  public void whatHasNoNewlineYetComesOutAtTheEnd() {
    write("no newline");
    assertEquals("", passed());
    output.close();
    assertEquals("no newline", passed());
    write("after the end\n");
    assertEquals("no newlineafter the end\n", passed());
  }

  @Test
  public void aLineWithoutEndDoesNotFillTheMemory() {
    byte[] chunk = new byte[1 << 20];
    Arrays.fill(chunk, (byte) 'x');
    for (int written = 0; written <= CapturedOutput.MAX_LINE_BYTES; written += chunk.length) {
      output.write(chunk);
    }
    assertEquals(CapturedOutput.MAX_LINE_BYTES + chunk.length, passed.size());
  }

  @Test
  public void twentyThousandMarkedLinesFitASmallStack() throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread = new Thread(null, this::writeManyLines, "small-stack", SMALL_STACK_BYTES);
    thread.setUncaughtExceptionHandler((where, thrown) -> failure.set(thrown));
    thread.start();
    thread.join();
    assertEquals(null, failure.get());
    assertEquals("", passed());
    output.close();
    assertEquals(1, capturedBlocks()); // all lines are in one log
    assertFalse(passed().contains("PYTHON_WORKER_LOGGING"));
  }

  private void writeManyLines() {
    for (int line = 0; line < 20_000; line++) {
      write(marked(11, line));
    }
    write("PYTHON_WORKER_LOGGING:11:\n"); // closes that worker's log
  }

  private int capturedBlocks() {
    return SparkEnv.get()
        .blockManager()
        .getMatchingBlockIds(id -> id.name().contains(session))
        .toSet() // a block on disk is listed twice
        .size();
  }
}

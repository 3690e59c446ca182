package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.logging.log4j.Level;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class NativeEventsTest {
  private static final long FACTORY = -1;

  private final List<String> received = new ArrayList<>();
  private LogRecorder log;

  @Before
  public void register() {
    NativePythonWorkerFactory.start("");
    log = new LogRecorder(NativePythonWorkerFactory.LOG_NAME);
    NativeEvents.register(
        FACTORY,
        new NativeEvents.Receiver() {
          @Override
          public void standardOutput(byte[] bytes) {
            received.add("output " + new String(bytes, StandardCharsets.UTF_8));
          }

          @Override
          public void closeIdle(long worker) {
            if (worker == 13) {
              throw new IllegalStateException("bad worker");
            }
            received.add("close " + worker);
          }
        });
  }

  @After
  public void unregister() {
    NativeEvents.unregister(FACTORY);
    log.close();
    NativeEvents.followLevel();
  }

  private static void deliver(int kind, long number, String payload) {
    NativeEvents.deliver(
        new NativeEvent(kind, FACTORY, number, payload.getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  public void logLinesKeepTheirLevel() {
    for (int level = 1; level <= 5; level++) {
      deliver(NativeEvent.LOG, level, "zügig " + level);
    }
    assertEquals(
        List.of("ERROR zügig 1", "WARN zügig 2", "INFO zügig 3", "DEBUG zügig 4", "TRACE zügig 5"),
        log.lines());
  }

  @Test
  public void outputGoesToItsFactoryAndErrorsToTheStandardError() {
    PrintStream before = System.err;
    ByteArrayOutputStream error = new ByteArrayOutputStream();
    System.setErr(new PrintStream(error, false));
    try {
      deliver(NativeEvent.OUTPUT, 1, "out");
      deliver(NativeEvent.OUTPUT, 2, "err");
    } finally {
      System.setErr(before);
    }
    assertEquals(List.of("output out"), received);
    assertEquals("err", error.toString(StandardCharsets.UTF_8));
  }

  @Test
  public void aBadEventIsLoggedOnceAndTheNextOneIsDelivered() {
    deliver(NativeEvent.CLOSE, 13, "");
    deliver(99, 0, "");
    deliver(NativeEvent.CLOSE, 14, "");
    assertEquals(List.of("close 14"), received);
    assertTrue(log.lines().size() <= 1); // once in the life of the JVM
  }

  @Test
  public void theNativeSideFollowsTheLoggersLevel() {
    NativePythonWorkerFactory<WorkerConnection> factory = open();
    log.setLevel(Level.OFF);
    factory.stop();
    assertEquals(List.of(), log.lines());

    log.setLevel(Level.DEBUG);
    open().stop(); // what is logged last is delivered before stop returns
    assertEquals(1, log.lines().size());
    assertTrue(log.lines().get(0), log.lines().get(0).startsWith("DEBUG Stopping the factory"));
  }

  private static NativePythonWorkerFactory<WorkerConnection> open() {
    return NativePythonWorkerFactory.open(
        java.util.Map.of(
            "sparkVersion", "4.3.0",
            "pythonExec", "python3",
            "workerModule", "pyspark.worker",
            "daemonModule", "pyspark.daemon",
            "useDaemon", "true",
            "pythonPath", "",
            "preferIpv6", "false"),
        java.util.Map.of(),
        (owner, id, pid, channel) -> null,
        StandardOutput.STANDARD_ERROR);
  }
}

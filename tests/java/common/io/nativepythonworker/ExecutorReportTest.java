package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.Test;

public class ExecutorReportTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** As the native side makes it, with so many workers in one session and none in another. */
  static ObjectNode told(int workers) {
    ObjectNode report = MAPPER.createObjectNode();
    report.putObject("counts").put("released", 1);
    report.putObject("gauges").put("workers.idle", workers).put("memory.resident", 7);
    ArrayNode sessions = report.putArray("sessions");
    ArrayNode some = sessions.addObject().put("session", "a").putArray("workers");
    for (int i = 0; i < workers; i++) {
      some.addObject().put("pid", i);
    }
    sessions.addObject().put("session", "b").putArray("workers");
    report.putArray("deaths");
    return report;
  }

  static ExecutorReport of(JsonNode report) {
    return ExecutorReport.of("1", "host", report, MAPPER.createObjectNode());
  }

  @Test
  public void itStaysSmall() throws Exception {
    ObjectNode report = told(2 * ExecutorReport.MOST_WORKERS);
    for (int i = 0; i < 50; i++) {
      ((ArrayNode) report.get("deaths")).addObject().put("pid", i).put("why", "x".repeat(60_000));
    }
    String text = of(report).text();
    JsonNode sent = MAPPER.readTree(text);
    assertEquals(ExecutorReport.MOST_WORKERS, sent.at("/sessions/0/workers").size());
    assertEquals(1, sent.get("sessions").size());
    assertEquals(ExecutorReport.MOST_DEATHS, sent.get("deaths").size());
    assertEquals(49, sent.at("/deaths/19/pid").asInt()); // the last ones are kept
    assertTrue(text.length() < 100_000);
    assertEquals("what others see stays whole", 50, report.get("deaths").size());
  }

  @Test
  public void memoryAloneIsNoNews() {
    ObjectNode report = told(0);
    JsonNode before = of(report).gist();
    ObjectNode gauges = (ObjectNode) report.get("gauges");
    gauges.put("memory.resident", 8).put("memory.proportional", 4);
    gauges.put("memory.proportionalAgeMillis", 5_000).put("memory.unmeasured", 2);
    assertEquals(before, of(report).gist());
    ((ObjectNode) report.get("counts")).put("released", 2);
    assertNotEquals(before, of(report).gist());
  }

  @Test
  public void anIdleWorkerIsAWorker() {
    assertTrue(of(told(1)).hasWorkers());
    assertFalse(of(told(0)).hasWorkers());
  }
}

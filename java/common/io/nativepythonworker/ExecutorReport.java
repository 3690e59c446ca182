package io.nativepythonworker;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;

/**
 * What an executor tells the driver of its Python workers: the native side's report, so much of it
 * that it stays small, and how long hand-outs take.
 */
final class ExecutorReport {
  static final int MOST_WORKERS = 500;
  static final int MOST_DEATHS = 20;
  static final int MOST_OF_A_DEATH = 2_000;

  /** The gauges that change though nothing happens. */
  private static final List<String> MEMORY =
      Arrays.asList(
          "memory.resident",
          "memory.proportional",
          "memory.proportionalAgeMillis",
          "memory.unmeasured");

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final ObjectNode report;

  private ExecutorReport(ObjectNode report) {
    this.report = report;
  }

  /** The report of this JVM, now. */
  static ExecutorReport now(String executor, String host) {
    return of(executor, host, NativeReport.current(), WorkerMetrics.handOuts());
  }

  static ExecutorReport of(String executor, String host, JsonNode report, JsonNode handOuts) {
    ObjectNode told = MAPPER.createObjectNode().put("executor", executor).put("host", host);
    told.setAll((ObjectNode) report.deepCopy());
    told.set("handouts", handOuts);
    told.set("sessions", withWorkers(told.path("sessions")));
    told.set("deaths", lastOf(told.path("deaths")));
    return new ExecutorReport(told);
  }

  /** The sessions that have workers, as long as these are not too many. */
  private static ArrayNode withWorkers(JsonNode sessions) {
    ArrayNode kept = MAPPER.createArrayNode();
    int workers = 0;
    for (JsonNode session : sessions) {
      ArrayNode some = MAPPER.createArrayNode();
      for (JsonNode worker : session.path("workers")) {
        if (workers < MOST_WORKERS) {
          workers++;
          some.add(worker);
        }
      }
      if (some.size() > 0) {
        kept.add(((ObjectNode) session).set("workers", some));
      }
    }
    return kept;
  }

  private static ArrayNode lastOf(JsonNode deaths) {
    ArrayNode kept = MAPPER.createArrayNode();
    for (int i = Math.max(0, deaths.size() - MOST_DEATHS); i < deaths.size(); i++) {
      ObjectNode death = (ObjectNode) deaths.get(i);
      String why = death.path("why").asText();
      if (why.length() > MOST_OF_A_DEATH) {
        death.put("why", why.substring(0, MOST_OF_A_DEATH) + " ...");
      }
      kept.add(death);
    }
    return kept;
  }

  boolean hasWorkers() {
    JsonNode gauges = report.path("gauges");
    return gauges.path("workers.busy").asLong() > 0
        || gauges.path("workers.idle").asLong() > 0
        || gauges.path("tasks.waiting").asLong() > 0;
  }

  /** What tells this report from one in which nothing has changed but ages and memory. */
  JsonNode gist() {
    ObjectNode gauges = report.path("gauges").deepCopy();
    gauges.remove(MEMORY);
    return MAPPER.createArrayNode().add(report.path("counts")).add(gauges).add(report.path("host"));
  }

  String text() {
    return report.toString();
  }
}

package io.nativepythonworker.ui;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;

/** What the driver knows of one executor's Python workers. */
final class ExecutorRecord {
  private final FigureHistory history = new FigureHistory();

  private String report;
  private long heardAt;
  private String goneReason;
  private long goneAt;

  /** Takes a report in: its text for the page, which is much smaller than the tree. */
  void hear(long now, String text, JsonNode tree) {
    report = text;
    heardAt = now;
    history.add(now, tree);
  }

  void go(long now, String reason) {
    goneReason = reason;
    goneAt = now;
  }

  boolean isGone() {
    return goneReason != null;
  }

  long goneAt() {
    return goneAt;
  }

  long heardAt() {
    return heardAt;
  }

  void write(JsonGenerator json, long since) throws IOException {
    json.writeStartObject();
    json.writeNumberField("heardAt", heardAt);
    if (isGone()) {
      json.writeStringField("gone", goneReason);
      json.writeNumberField("goneAt", goneAt);
    }
    json.writeFieldName("report");
    json.writeRawValue(report);
    json.writeFieldName("history");
    history.write(json, since);
    json.writeEndObject();
  }
}

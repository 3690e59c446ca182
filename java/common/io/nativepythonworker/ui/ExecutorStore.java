package io.nativepythonworker.ui;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Map.Entry;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * What executors have told the driver of their Python workers. Everything that is kept is bounded:
 * reports in size, points in number, executors too.
 */
public final class ExecutorStore {
  static final int MOST_EXECUTORS = 500;
  static final int MOST_GONE = 50;
  static final long GONE_KEPT_MILLIS = 10 * 60_000;
  static final int MOST_CHARACTERS = 1 << 20;
  private static final int MOST_OF_A_REASON = 500;

  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private final Map<String, ExecutorRecord> executors = new LinkedHashMap<>();
  private final Imports imports;
  private final LongSupplier clock;

  /** An empty one, which keeps what workers import in {@code imports}. */
  public ExecutorStore(Imports imports) {
    this(imports, System::currentTimeMillis);
  }

  ExecutorStore(Imports imports, LongSupplier clock) {
    this.imports = imports;
    this.clock = clock;
  }

  /**
   * Takes in what an executor has sent.
   *
   * @throws IllegalArgumentException where it is no report
   */
  public void receive(Object message) {
    if (!(message instanceof String) || ((String) message).length() > MOST_CHARACTERS) {
      throw new IllegalArgumentException("this is no report of an executor");
    }
    String text = (String) message;
    JsonNode report = parse(text);
    String executor = report.path("executor").asText();
    if (executor.isEmpty()) {
      throw new IllegalArgumentException("this report names no executor");
    }
    hear(executor, text, report);
  }

  private static JsonNode parse(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (JsonProcessingException failure) {
      throw new IllegalArgumentException("this report is no JSON", failure);
    }
  }

  private synchronized void hear(String executor, String text, JsonNode report) {
    ExecutorRecord record = executors.computeIfAbsent(executor, id -> new ExecutorRecord());
    if (!record.isGone()) { // its last words may come after the news of its end
      record.hear(clock.getAsLong(), text, report);
    }
    imports.hear(executor, report.path("imports"));
    forget(any -> true, MOST_EXECUTORS, ExecutorRecord::heardAt);
  }

  /** Notes that an executor has ended; one that never had anything to tell is not of interest. */
  public synchronized void gone(String executor, String reason) {
    ExecutorRecord record = executors.get(executor);
    if (record != null && !record.isGone()) {
      String all = reason == null ? "" : reason;
      record.go(clock.getAsLong(), all.substring(0, Math.min(all.length(), MOST_OF_A_REASON)));
      forget(ExecutorRecord::isGone, MOST_GONE, ExecutorRecord::goneAt);
    }
  }

  /** Of those that {@code which} selects, lets go of the oldest that are more than {@code most}. */
  private void forget(
      Predicate<ExecutorRecord> which, int most, ToLongFunction<ExecutorRecord> age) {
    long found = executors.values().stream().filter(which).count();
    for (; found > most; found--) {
      executors.entrySet().stream()
          .filter(entry -> which.test(entry.getValue()))
          .min(Comparator.comparingLong(entry -> age.applyAsLong(entry.getValue())))
          .map(Entry::getKey)
          .ifPresent(executors::remove);
    }
  }

  /** All of it as JSON, with the points of the histories that came after {@code since}. */
  public synchronized String json(long since) {
    long now = clock.getAsLong();
    executors.values().removeIf(one -> one.isGone() && now - one.goneAt() > GONE_KEPT_MILLIS);
    StringWriter text = new StringWriter();
    try (JsonGenerator json = MAPPER.createGenerator(text)) {
      json.writeStartObject();
      json.writeNumberField("at", now);
      imports.write(json);
      json.writeArrayFieldStart("executors");
      for (ExecutorRecord record : executors.values()) {
        record.write(json, since);
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException impossible) {
      throw new IllegalStateException("a string cannot be written to", impossible);
    }
    return text.toString();
  }
}

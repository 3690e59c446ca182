package io.nativepythonworker.ui;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * A few figures of one executor over the last while, for the charts: so many points and no more.
 */
final class FigureHistory {
  /** A quarter of an hour, at a report every five seconds. */
  static final int MOST_POINTS = 180;

  /** Where each figure is in a report, in the order in which a point has them, behind its time. */
  private static final List<String> FIGURES =
      Arrays.asList(
          "/gauges/workers.busy",
          "/gauges/workers.idle",
          "/gauges/workers.spare",
          "/gauges/tasks.waiting",
          "/gauges/memory.proportional",
          "/handouts/idle/p50",
          "/handouts/spare/p50",
          "/handouts/new/p50");

  private static final class Point {
    private final long at;
    private final double[] values;

    private Point(long at, double[] values) {
      this.at = at;
      this.values = values;
    }
  }

  private final Deque<Point> points = new ArrayDeque<>();

  void add(long at, JsonNode report) {
    double[] values = new double[FIGURES.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = report.at(FIGURES.get(i)).asDouble(Double.NaN);
    }
    points.addLast(new Point(at, values));
    if (points.size() > MOST_POINTS) {
      points.removeFirst();
    }
  }

  /** Writes the points after {@code since}: each an array of its time and its figures. */
  void write(JsonGenerator json, long since) throws IOException {
    json.writeStartArray();
    for (Point point : points) {
      if (point.at > since) {
        write(json, point);
      }
    }
    json.writeEndArray();
  }

  private static void write(JsonGenerator json, Point point) throws IOException {
    json.writeStartArray();
    json.writeNumber(point.at);
    for (double value : point.values) {
      if (Double.isNaN(value)) {
        json.writeNull();
      } else if (value == Math.rint(value)) {
        json.writeNumber((long) value);
      } else {
        json.writeNumber(value);
      }
    }
    json.writeEndArray();
  }
}

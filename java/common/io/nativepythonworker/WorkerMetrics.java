package io.nativepythonworker;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import com.codahale.metrics.SlidingWindowReservoir;
import com.codahale.metrics.Snapshot;
import com.codahale.metrics.Timer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.TimeUnit;

/** The native side's figures, and how long hand-outs take, in Spark's metrics system. */
final class WorkerMetrics {
  /** An idle hand-out takes a microsecond: noting the time of each would be felt. */
  private static final int TIMED_IDLE_HAND_OUTS = 16;

  private static final double NANOS_OF_A_MILLI = 1e6;

  /** Of each kind, the last ones: a reservoir that fades takes longer than an idle hand-out. */
  private static final int REMEMBERED = 1024;

  private static volatile Timers timers = new Timers();

  /** Counted without a lock: which of them are timed is all the same. */
  private int idleHandOuts;

  private static final class Timers {
    private final Timer idle = timer();
    private final Timer spare = timer();
    private final Timer fresh = timer();
  }

  private static Timer timer() {
    return new Timer(new SlidingWindowReservoir(REMEMBERED));
  }

  /**
   * Adds everything to a registry that has nothing of it yet. The times are those of its own
   * SparkContext: they begin here.
   */
  static void register(MetricRegistry registry) {
    JsonNode report = NativeReport.current();
    for (String part : new String[] {"gauges", "counts"}) {
      report
          .get(part)
          .fieldNames()
          .forEachRemaining(name -> registry.register(name, (Gauge<Long>) () -> value(part, name)));
    }
    Timers own = new Timers();
    timers = own;
    registry.register("handout.idle", own.idle);
    registry.register("handout.spare", own.spare);
    registry.register("handout.new", own.fresh);
  }

  private static long value(String part, String name) {
    return NativeReport.current().path(part).path(name).asLong();
  }

  /** Notes a time that is in no figure, so that the first one that is takes no longer. */
  static void rehearse() {
    note(timer(), System.nanoTime());
  }

  /** When an idle hand-out begins; 0 where this one is not timed. */
  long beginIdle() {
    return idleHandOuts++ % TIMED_IDLE_HAND_OUTS == 0 ? System.nanoTime() : 0;
  }

  void endIdle(long began) {
    if (began != 0) {
      note(timers.idle, began);
    }
  }

  static void endSpare(long began) {
    if (began != 0) {
      note(timers.spare, began);
    }
    WorkersUi.workerMade();
  }

  static void endNew(long began) {
    note(timers.fresh, began);
    WorkersUi.workerMade();
  }

  /** How many hand-outs of each kind were timed, and how many milliseconds they took. */
  static JsonNode handOuts() {
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    Timers own = timers;
    all.set("idle", described(own.idle));
    all.set("spare", described(own.spare));
    all.set("new", described(own.fresh));
    return all;
  }

  private static ObjectNode described(Timer timer) {
    ObjectNode figures = JsonNodeFactory.instance.objectNode().put("count", timer.getCount());
    if (timer.getCount() > 0) {
      Snapshot times = timer.getSnapshot();
      figures.put("mean", times.getMean() / NANOS_OF_A_MILLI);
      figures.put("p50", times.getMedian() / NANOS_OF_A_MILLI);
      figures.put("p99", times.get99thPercentile() / NANOS_OF_A_MILLI);
    }
    return figures;
  }

  private static void note(Timer timer, long began) {
    timer.update(System.nanoTime() - began, TimeUnit.NANOSECONDS);
  }
}

package io.nativepythonworker.ui;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.Test;

public class ExecutorStoreTest {
  private final AtomicLong clock = new AtomicLong(1_000);
  private final ExecutorStore store = new ExecutorStore(new Imports(null), clock::get);

  private static String report(String executor, int busy) {
    String gauges = "\"gauges\": {\"workers.busy\": " + busy + "}";
    String handouts = "\"handouts\": {\"new\": {\"p50\": 2.5}}";
    return "{\"executor\": \"" + executor + "\", " + gauges + ", " + handouts + "}";
  }

  private JsonNode told(long since) throws Exception {
    return new ObjectMapper().readTree(store.json(since));
  }

  private JsonNode executors() throws Exception {
    return told(0).get("executors");
  }

  @Test
  public void theLastReportIsShownWithAHistoryOfFigures() throws Exception {
    store.receive(report("1", 2));
    clock.set(6_000);
    store.receive(report("1", 3));
    clock.set(7_000);
    JsonNode told = told(0);
    JsonNode executor = told.at("/executors/0");
    assertEquals(7_000, told.get("at").asLong());
    assertEquals(6_000, executor.get("heardAt").asLong());
    assertEquals(3, executor.at("/report/gauges/workers.busy").asInt());
    assertEquals(
        "[[1000,2,null,null,null,null,null,null,2.5],[6000,3,null,null,null,null,null,null,2.5]]",
        executor.get("history").toString());
  }

  @Test
  public void onlyPointsThatAreNewAreToldAgain() throws Exception {
    store.receive(report("1", 2));
    long first = told(0).get("at").asLong();
    clock.addAndGet(1);
    store.receive(report("1", 2));
    assertEquals(1, told(first).at("/executors/0/history").size());
    assertEquals(0, told(clock.get()).at("/executors/0/history").size());
  }

  @Test
  public void anExecutorThatEndedIsShownForAWhileWithTheReason() throws Exception {
    store.receive(report("1", 2));
    store.receive(report("2", 2));
    store.gone("1", "killed by a test");
    store.gone("1", "told twice");
    store.receive(report("1", 5)); // was on its way
    JsonNode gone = executors().get(0);
    assertEquals("killed by a test", gone.get("gone").asText());
    assertEquals(2, gone.at("/report/gauges/workers.busy").asInt());
    assertFalse(executors().get(1).has("gone"));
    clock.addAndGet(ExecutorStore.GONE_KEPT_MILLIS + 1);
    assertEquals("2", executors().at("/0/report/executor").asText());
    assertEquals(1, executors().size());
  }

  @Test
  public void anExecutorThatNeverToldAnythingIsNotShown() throws Exception {
    store.gone("7", "was idle");
    assertEquals(0, executors().size());
  }

  @Test
  public void allThatIsKeptIsBounded() throws Exception {
    for (int i = 0; i < ExecutorStore.MOST_EXECUTORS + 10; i++) {
      clock.incrementAndGet();
      store.receive(report("" + i, 1));
    }
    assertEquals(ExecutorStore.MOST_EXECUTORS, executors().size());
    assertEquals("10", executors().at("/0/report/executor").asText());
    for (int i = 10; i < 10 + ExecutorStore.MOST_GONE + 5; i++) {
      clock.incrementAndGet();
      store.gone("" + i, "x".repeat(10_000));
    }
    assertEquals(ExecutorStore.MOST_EXECUTORS - 5, executors().size());
    assertTrue(executors().get(0).get("gone").asText().length() <= 500);
    for (int i = 0; i < FigureHistory.MOST_POINTS + 10; i++) {
      store.receive(report("500", i));
    }
    JsonNode told = executors();
    for (JsonNode executor : told) {
      assertTrue(executor.get("history").size() <= FigureHistory.MOST_POINTS);
    }
  }

  @Test
  public void whatIsNoReportIsRefused() throws Exception {
    Object[] strange = {
      null, 5, "", "{", "[]", "{}", report("1", 1) + ", {}", "\"" + "x".repeat(2 << 20) + "\""
    };
    for (Object message : strange) {
      assertThrows(IllegalArgumentException.class, () -> store.receive(message));
    }
    assertEquals(0, executors().size());
  }
}

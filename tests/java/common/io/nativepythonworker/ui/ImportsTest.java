package io.nativepythonworker.ui;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.Test;

public class ImportsTest {
  private static final String SAFE = "{\"state\": \"safe\", \"millis\": 900, \"kibibytes\": 5}";
  private static final String UNSAFE = "{\"state\": \"unsafe\", \"why\": \"starts threads\"}";
  private static final String UNTRIED = "{\"state\": \"untried\"}";

  private static JsonNode imports(Object... rows) throws Exception {
    StringBuilder all = new StringBuilder();
    for (int i = 0; i < rows.length; i += 4) {
      all.append(i == 0 ? "" : ",")
          .append(
              String.format(
                  "{\"module\": \"%s\", \"workers\": %s, \"millis\": %s, \"verdict\": %s}",
                  rows[i], rows[i + 1], rows[i + 2], rows[i + 3]));
    }
    return new ObjectMapper().readTree("[" + all + "]");
  }

  @Test
  public void theLineHasWhatAllExecutorsWouldHaveSaved() throws Exception {
    Imports imports = new Imports(null);
    imports.hear("1", imports("sk", 2, 500, UNTRIED, "sk.linear", 2, 2500, SAFE));
    imports.hear("2", imports("sk.linear", 1, 100, UNTRIED));
    imports.hear("2", imports("sk.linear", 2, 2000, UNTRIED, "sky", 9, 9000, UNTRIED));
    assertEquals(
        "spark.nativePythonWorker.preload=+sk.linear would have saved 5 s of worker time in this"
            + " application (4 workers, 1.3 s each)",
        imports.advice());
  }

  @Test
  public void eachModuleHasItsPrice() throws Exception {
    Imports imports = new Imports(null);
    imports.hear("1", imports("a", 4, 16_000, SAFE, "b", 2, 3_000, SAFE));
    assertEquals(
        "spark.nativePythonWorker.preload=+a,b would have saved 19 s of worker time in this"
            + " application (a: 4 workers, 4.0 s each; b: 2 workers, 1.5 s each)",
        imports.advice());
    assertEquals(Arrays.asList("a", "b"), imports.safe());
  }

  @Test
  public void whatIsUnsafeSomewhereIsNotAdvised() throws Exception {
    Imports imports = new Imports(null);
    imports.hear("1", imports("torch", 3, 9000, SAFE));
    imports.hear("2", imports("torch", 3, 9000, UNSAFE));
    assertEquals("", imports.advice());
  }

  @Test
  public void littleIsNotWorthALine() throws Exception {
    Imports imports = new Imports(null);
    imports.hear("1", imports("a", 3, 999, SAFE));
    assertEquals("", imports.advice());
  }

  @Test
  public void whatIsSetAlreadyStays() throws Exception {
    for (String[] one :
        new String[][] {
          {null, "+a"}, {"", "a"}, {"+", "+a"}, {",", ",a"}, {"+x", "+x,a"}, {"x,y", "x,y,a"}
        }) {
      Imports imports = new Imports(one[0]);
      imports.hear("1", imports("a", 1, 1000, SAFE));
      assertTrue(imports.advice(), imports.advice().contains("preload=" + one[1] + " would"));
    }
  }

  @Test
  public void thePageIsToldOfAllModules() throws Exception {
    ExecutorStore store = new ExecutorStore(new Imports(null), new AtomicLong(1)::get);
    store.receive(
        "{\"executor\": \"1\", \"imports\": "
            + imports("a", 2, 4000, SAFE, "b", 1, 5, UNSAFE)
            + "}");
    JsonNode told = new ObjectMapper().readTree(store.json(0));
    assertEquals("a", told.at("/imports/0/module").asText());
    assertEquals("safe", told.at("/imports/0/verdict/state").asText());
    assertEquals("starts threads", told.at("/imports/1/verdict/why").asText());
    assertTrue(told.path("advice").asText().startsWith("spark.nativePythonWorker.preload=+a "));
  }

  @Test
  public void noExecutorIsForgottenHoweverMany() throws Exception {
    Imports imports = new Imports(null);
    for (int i = 0; i < Imports.MOST_EXECUTORS + 10; i++) {
      imports.hear("" + i, imports("a", 1, 1000, SAFE, "b", 1, 1, i == 0 ? UNSAFE : UNTRIED));
      imports.hear("of the driver", imports("a", i, 0, UNTRIED));
    }
    String workers = "(" + 2 * (Imports.MOST_EXECUTORS + 10) + " workers";
    imports.hear("of the driver", imports("a", Imports.MOST_EXECUTORS + 10, 0, UNTRIED));
    assertTrue(imports.advice(), imports.advice().contains(workers));
    assertEquals(Arrays.asList("b"), imports.unsafe());
  }
}

package io.nativepythonworker.ui;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.Test;

public class WorkersPageTest {
  private final ExecutorStore store = new ExecutorStore(new Imports(null));
  private final WorkersPage page = new WorkersPage(store);

  private String text(String path) {
    return new String(page.answer(path, null).body(), StandardCharsets.UTF_8);
  }

  @Test
  public void allThatTheFrameAndItsScriptsAskForIsThere() {
    Matcher asked = Pattern.compile("(?:href|src)=\"live(/[^\"]+)\"").matcher(WorkersPage.frame());
    int found = 0;
    for (; asked.find(); found++) {
      assertFalse(asked.group(1), text(asked.group(1)).isEmpty());
    }
    assertEquals(2, found);
    Matcher imported = Pattern.compile("from \"\\.(/[^\"]+)\"").matcher(text("/page.js"));
    while (imported.find()) {
      assertEquals("text/javascript;charset=utf-8", page.answer(imported.group(1), null).type());
    }
  }

  @Test
  public void noScriptOfOursMakesHtmlOfText() {
    for (String file : new String[] {"/page.js", "/tables.js", "/charts.js", "/format.js"}) {
      assertFalse(file, text(file).matches("(?s).*(innerHTML|outerHTML|insertAdjacent|eval\\().*"));
    }
    assertFalse(WorkersPage.frame().matches("(?s).*(<script>|onclick|javascript:).*"));
  }

  @Test
  public void markupInAReportIsCarriedAsText() {
    store.receive("{\"executor\": \"<script>\", \"deaths\": [{\"why\": \"</script>\"}]}");
    assertTrue(text("/report.json").contains("\"</script>\""));
    assertEquals("application/json;charset=utf-8", page.answer("/report.json", "x").type());
  }

  @Test
  public void nothingElseIsGivenAway() {
    for (String path :
        new String[] {null, "", "/", "/page.html", "/../page.js", "/WorkersPage.class"}) {
      assertNull(path, page.answer(path, null));
    }
  }
}

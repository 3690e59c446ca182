package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.Test;

public class ModuleListTest {
  private static List<String> modules(ModuleList list) {
    return new ArrayList<>(list.modules());
  }

  private static List<String> names(String prefix, int count) {
    return IntStream.range(0, count).mapToObj(i -> prefix + i).collect(Collectors.toList());
  }

  @Test
  public void linesNameModulesOrAreComments() {
    ModuleList list = ModuleList.parse("# of ours\n sklearn.linear_model # dear\r\n\nscipy\nscipy");
    assertEquals(List.of("sklearn.linear_model", "scipy"), modules(list));
    assertEquals(List.of(), list.ignored());
  }

  @Test
  public void whatIsNoNameIsIgnored() {
    List<String> junk =
        List.of(
            "two words", "a..b", ".a", "1a", "a-b", "a,b", "\u0000", "\u0000x", "x".repeat(101));
    ModuleList list = ModuleList.parse("good\n" + String.join("\n", junk));
    assertEquals(List.of("good"), modules(list));
    assertEquals(junk, list.ignored());
  }

  @Test
  public void nothingIsInAnEmptyText() {
    for (String text : new String[] {"", "\n", " \n\n"}) {
      assertEquals(List.of(), modules(ModuleList.parse(text)));
      assertEquals(List.of(), ModuleList.parse(text).ignored());
    }
  }

  @Test
  public void whatIsFoundIsAddedAndTakenOutAndAllElseStays() {
    ModuleList list = ModuleList.parse("# of ours\nscipy  # old\n\nbad\n");
    ModuleList next = list.changed(List.of("a.b", "scipy", "bad"), List.of("bad", "unknown"));
    assertEquals("# of ours\nscipy  # old\n\na.b\n", next.text());
    assertEquals(List.of("scipy", "a.b"), modules(next));
  }

  @Test
  public void aNewFileSaysWhatItIs() {
    String text = ModuleList.parse("").changed(List.of("a", "a"), List.of()).text();
    assertTrue(text, text.startsWith("# Python modules that are loaded ahead"));
    assertEquals(List.of("a"), modules(ModuleList.parse(text)));
    assertEquals(text, ModuleList.parse(text).text());
  }

  @Test
  public void itHasRoomForSoManyAndNoMore() {
    int most = ModuleList.MOST_MODULES;
    ModuleList full = ModuleList.parse(String.join("\n", names("m", most)));
    assertEquals(most, full.changed(List.of("more"), List.of()).modules().size());
    ModuleList changed = full.changed(List.of("more", "another"), List.of("m7"));
    assertEquals(most, changed.modules().size());
    assertTrue(changed.modules().contains("more"));
    assertEquals(List.of(), changed.ignored());
    List<String> tooMany = names("m", most + 2);
    assertEquals(
        tooMany.subList(most, most + 2), ModuleList.parse(String.join("\n", tooMany)).ignored());
  }
}

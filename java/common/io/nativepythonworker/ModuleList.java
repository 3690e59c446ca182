package io.nativepythonworker;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A text that names Python modules, one a line, with comments that begin with {@code #}. */
final class ModuleList {
  static final int MOST_MODULES = 256;

  private static final Pattern NAME =
      Pattern.compile("(?=.{1,100}$)[A-Za-z_]\\w*(\\.[A-Za-z_]\\w*)*");

  private static final Pattern BLANKS_AROUND = Pattern.compile("^[ \\t]+|[ \\t]+$");

  private static final String HEAD =
      "# Python modules that are loaded ahead of tasks. Applications add what they have found safe;"
          + " take out what you do not want.";

  private final List<String> lines;
  private final Set<String> modules = new LinkedHashSet<>();
  private final List<String> ignored = new ArrayList<>();

  private ModuleList(List<String> lines) {
    this.lines = lines;
    for (String line : lines) {
      String name = name(line);
      if (name.isEmpty() || modules.contains(name)) {
        continue;
      }
      if (NAME.matcher(name).matches() && modules.size() < MOST_MODULES) {
        modules.add(name);
      } else {
        ignored.add(line);
      }
    }
  }

  static ModuleList parse(String text) {
    List<String> lines = new ArrayList<>(Arrays.asList(text.split("\\R")));
    lines.removeIf(line -> text.matches("\\s*"));
    return new ModuleList(lines);
  }

  private static String name(String line) {
    return BLANKS_AROUND.matcher(line.split("#", 2)[0]).replaceAll("");
  }

  Set<String> modules() {
    return modules;
  }

  /** The lines that name no module, or one too many. */
  List<String> ignored() {
    return ignored;
  }

  /**
   * The same with some modules added, as far as there is room, and others taken out; all other
   * lines stay.
   */
  ModuleList changed(Collection<String> added, Collection<String> takenOut) {
    List<String> next =
        lines.stream()
            .filter(line -> !takenOut.contains(name(line)))
            .collect(Collectors.toCollection(ArrayList::new));
    if (next.isEmpty()) {
      next.add(HEAD);
    }
    long kept = modules.stream().filter(name -> !takenOut.contains(name)).count();
    added.stream()
        .filter(name -> !modules.contains(name) && !takenOut.contains(name))
        .distinct()
        .limit(MOST_MODULES - kept)
        .forEach(next::add);
    return new ModuleList(next);
  }

  String text() {
    return lines.stream().map(line -> line + "\n").collect(Collectors.joining());
  }
}

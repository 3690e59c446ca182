package io.nativepythonworker.ui;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What the Python workers of an application have imported themselves, on all of its executors, and
 * what loading it ahead would have saved.
 */
public final class Imports {
  static final int MOST_EXECUTORS = 2_000;
  private static final int MOST_IN_A_LINE = 8;

  /** Less is not worth a line. */
  private static final long LEAST_MILLIS = 1_000;

  private static final String SETTING = "spark.nativePythonWorker.preload";

  /**
   * The last word of each executor, of those that have ended as well; who has spoken last comes
   * last.
   */
  private final Map<String, JsonNode> told = new LinkedHashMap<>();

  /** What executors had to say that have not been heard for longest, where there were too many. */
  private final Map<String, Module> before = new TreeMap<>();

  private final String preload;

  /**
   * Nothing yet.
   *
   * @param preload what is set for {@code spark.nativePythonWorker.preload}, or null
   */
  public Imports(String preload) {
    this.preload = preload;
  }

  /** One module: who has paid for it, and what trials have shown. */
  private static final class Module {
    final String name;
    long workers;
    long millis;
    String state = "untried";
    JsonNode verdict;

    Module(String name) {
      this.name = name;
    }

    Module(JsonNode report) {
      this(report.path("module").asText());
      workers = report.path("workers").asLong();
      millis = report.path("millis").asLong();
      JsonNode said = report.path("verdict");
      if (said.isObject()) {
        state = said.path("state").asText();
        verdict = said;
      }
    }

    /** Both together, of the same name. */
    static Module sum(Module one, Module other) {
      Module heavier = weight(other.state) > weight(one.state) ? other : one;
      Module sum = new Module(one.name);
      sum.workers = one.workers + other.workers;
      sum.millis = one.millis + other.millis;
      sum.state = heavier.state;
      sum.verdict = heavier.verdict;
      return sum;
    }

    /** What speaks against it on one executor counts for all. */
    private static int weight(String state) {
      return Arrays.asList("trying", "safe", "unsafe").indexOf(state);
    }

    boolean isSafe() {
      return state.equals("safe");
    }

    /** Together with the packages that come with it, for which some workers have paid before. */
    Module withPackages(List<Module> modules) {
      Module all = new Module(name);
      all.workers = workers;
      all.millis = millis;
      for (Module one : modules) {
        if (isWithin(one)) {
          all.workers = Math.max(all.workers, one.workers);
          all.millis += one.millis;
        }
      }
      return all;
    }

    /** Who has paid how much. */
    String price() {
      String count = workers == 1 ? "1 worker" : workers + " workers";
      return String.format(Locale.ROOT, "%s, %.1f s each", count, millis / 1e3 / workers);
    }

    boolean isWithin(Module other) {
      return name.startsWith(other.name + ".");
    }
  }

  /** Takes in what is in an executor's report. */
  public synchronized void hear(String executor, JsonNode imports) {
    if (!imports.isArray()) {
      return;
    }
    told.remove(executor);
    told.put(executor, imports);
    if (told.size() > MOST_EXECUTORS) {
      Iterator<JsonNode> reports = told.values().iterator();
      count(reports.next(), before);
      reports.remove();
    }
  }

  private static void count(JsonNode imports, Map<String, Module> modules) {
    for (JsonNode report : imports) {
      Module module = new Module(report);
      modules.merge(module.name, module, Module::sum);
    }
  }

  private List<Module> modules() {
    Map<String, Module> modules = new TreeMap<>(before);
    told.values().forEach(imports -> count(imports, modules));
    List<Module> sorted = new ArrayList<>(modules.values());
    sorted.sort(Comparator.comparingLong((Module module) -> module.millis).reversed());
    return sorted;
  }

  /** The names of those that can be loaded ahead; a package comes with any of its modules. */
  public synchronized List<String> safe() {
    return named(modules()).stream().map(module -> module.name).collect(Collectors.toList());
  }

  /** The names of those that were found unsafe, or that could not be loaded, somewhere. */
  public synchronized List<String> unsafe() {
    return modules().stream()
        .filter(module -> module.state.equals("unsafe"))
        .map(module -> module.name)
        .collect(Collectors.toList());
  }

  private static List<Module> named(List<Module> modules) {
    List<Module> safe = modules.stream().filter(Module::isSafe).collect(Collectors.toList());
    return safe.stream()
        .filter(one -> safe.stream().noneMatch(other -> other.isWithin(one)))
        .collect(Collectors.toList());
  }

  /** One line with the setting that would have saved time, or an empty one. */
  public synchronized String advice() {
    List<Module> modules = modules();
    List<Module> dearest =
        named(modules).stream().limit(MOST_IN_A_LINE).collect(Collectors.toList());
    List<Module> saved = new ArrayList<>();
    for (Module module : dearest) {
      saved.add(module.withPackages(modules));
    }
    long millis = saved.stream().mapToLong(module -> module.millis).sum();
    if (millis < LEAST_MILLIS) {
      return "";
    }
    return String.format(
        Locale.ROOT,
        "%s=%s would have saved %.0f s of worker time in this application (%s)",
        SETTING,
        setting(dearest.stream().map(module -> module.name).collect(Collectors.toList())),
        millis / 1e3,
        saved.size() == 1 ? saved.get(0).price() : prices(saved));
  }

  private static String prices(List<Module> modules) {
    return modules.stream()
        .map(module -> module.name + ": " + module.price())
        .collect(Collectors.joining("; "));
  }

  private String setting(List<String> more) {
    String added = String.join(",", more);
    if (preload == null) {
      return "+" + added;
    }
    String set = preload.trim();
    boolean goesOn = set.isEmpty() || set.endsWith("+") || set.endsWith(",");
    return goesOn ? set + added : set + "," + added;
  }

  synchronized void write(JsonGenerator json) throws IOException {
    json.writeStringField("advice", advice());
    json.writeArrayFieldStart("imports");
    for (Module module : modules()) {
      json.writeStartObject();
      json.writeStringField("module", module.name);
      json.writeNumberField("workers", module.workers);
      json.writeNumberField("millis", module.millis);
      json.writeFieldName("verdict");
      json.writeRawValue(
          module.verdict == null ? "{\"state\":\"untried\"}" : module.verdict.toString());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}

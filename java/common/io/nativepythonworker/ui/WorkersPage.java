package io.nativepythonworker.ui;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * The page of Python workers, as far as it is the same in all Sparks: an empty frame of tables, and
 * what the frame's script asks for.
 */
public final class WorkersPage {
  public static final String TITLE = "Python Workers";

  /** What the page's address ends in. */
  public static final String PREFIX = "python-workers";

  /**
   * Below this the page finds all else. It asks by relative addresses, so no proxy in front of
   * Spark's UI matters.
   */
  public static final String LIVE = "/" + PREFIX + "/live";

  private static final String SCRIPT = "text/javascript";
  private static final Map<String, String> FILES = new HashMap<>();

  static {
    FILES.put("/page.js", SCRIPT);
    FILES.put("/charts.js", SCRIPT);
    FILES.put("/format.js", SCRIPT);
    FILES.put("/tables.js", SCRIPT);
    FILES.put("/page.css", "text/css");
  }

  private final ExecutorStore store;

  /** Shows what is in {@code store}. */
  public WorkersPage(ExecutorStore store) {
    this.store = store;
  }

  /** What a browser gets: a type of content, and the content. */
  public static final class Answer {
    private final String type;
    private final byte[] body;

    private Answer(String type, byte[] body) {
      this.type = type;
      this.body = body;
    }

    /** The content's type, as HTTP names it. */
    public String type() {
      return type;
    }

    /** The content. */
    public byte[] body() {
      return body;
    }
  }

  /** The page without its data. There is nothing in it that comes from outside the jar. */
  public static String frame() {
    return new String(file("/page.html"), StandardCharsets.UTF_8);
  }

  /**
   * The answer to a request below {@link #LIVE}; null where there is none.
   *
   * @param since the request's parameter of that name, or null
   */
  public Answer answer(String path, String since) {
    if ("/report.json".equals(path)) {
      byte[] body = store.json(millis(since)).getBytes(StandardCharsets.UTF_8);
      return new Answer("application/json;charset=utf-8", body);
    }
    String type = path == null ? null : FILES.get(path);
    return type == null ? null : new Answer(type + ";charset=utf-8", file(path));
  }

  private static long millis(String text) {
    try {
      return text == null ? 0 : Long.parseLong(text);
    } catch (NumberFormatException strange) {
      return 0;
    }
  }

  private static byte[] file(String name) {
    try (InputStream file = WorkersPage.class.getResourceAsStream(name.substring(1))) {
      if (file == null) {
        throw new IllegalStateException("the jar has no " + name);
      }
      return all(file);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static byte[] all(InputStream file) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    byte[] part = new byte[8192];
    for (int count = file.read(part); count >= 0; count = file.read(part)) {
      bytes.write(part, 0, count);
    }
    return bytes.toByteArray();
  }
}

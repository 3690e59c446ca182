package io.nativepythonworker;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;

/**
 * What the native side tells of its workers, zygotes and counts. It is made anew at most once a
 * second, because it looks at each Python process.
 */
final class NativeReport {
  private static final long KEPT_NANOS = 1_000_000_000;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private static JsonNode kept = MissingNode.getInstance();
  private static long madeAt;

  private NativeReport() {}

  /** The same as of now, however often it is asked for. */
  static synchronized JsonNode anew() {
    kept = MissingNode.getInstance();
    return current();
  }

  /** The report as a tree; its parts are those of {@code report.rs}. */
  static synchronized JsonNode current() {
    long now = System.nanoTime();
    if (kept.isMissingNode() || now - madeAt > KEPT_NANOS) {
      try {
        kept = MAPPER.readTree(NativePythonWorkerFactory.report());
      } catch (JsonProcessingException impossible) {
        throw new IllegalStateException("the native side gave no JSON", impossible);
      }
      madeAt = System.nanoTime();
    }
    return kept;
  }
}

package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkEnv;
import scala.collection.Map;

/** Who serves Python in this JVM. */
final class Served {
  private Served() {}

  /** The classes of SparkEnv's factories. */
  static List<String> factories() throws ReflectiveOperationException {
    var field = SparkEnv.class.getDeclaredField("pythonWorkers");
    field.setAccessible(true);
    List<String> names = new ArrayList<>();
    var values = ((Map<?, ?>) field.get(SparkEnv.get())).valuesIterator();
    while (values.hasNext()) {
      names.add(values.next().getClass().getName());
    }
    return names;
  }

  /** What {@code inside/served.py} finds under this JVM. */
  static List<?> forkers(String python, String script) throws Exception {
    String jvm = Long.toString(ProcessHandle.current().pid());
    Process process =
        new ProcessBuilder(python, script, jvm)
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    return new ObjectMapper().readValue(process.getInputStream(), List.class);
  }
}

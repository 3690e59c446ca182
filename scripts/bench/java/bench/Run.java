package bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * A Spark application without tasks that is measured from within its JVM.
 *
 * <p>Arguments: the file for the report, {@code inside/served.py}, and NAME=NUMBER for what the
 * measure wants to know. The report has the form of {@code inside/app.py}; times are seconds.
 */
final class Run {
  /** What an executor's own start takes, that nobody waits for. */
  private static final long BEFORE_FIRST_MILLIS = 3000;

  /** Takes the figures of one application. */
  interface Measure {
    Map<String, Double> take(String python, Map<String, Integer> numbers) throws Exception;
  }

  private Run() {}

  static void main(String[] arguments, Measure measure) throws Exception {
    Map<String, Integer> numbers = new HashMap<>();
    for (String argument : Arrays.asList(arguments).subList(2, arguments.length)) {
      String[] pair = argument.split("=", 2);
      numbers.put(pair[0], Integer.parseInt(pair[1]));
    }
    SparkContext context = new SparkContext(new SparkConf());
    Thread.sleep(BEFORE_FIRST_MILLIS);
    String python = System.getenv("PYSPARK_PYTHON");
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("figures", measure.take(python, numbers));
    report.put("result", numbers);
    report.put("factories", Served.factories());
    report.put("forkers", Served.forkers(python, arguments[1]));
    new ObjectMapper().writeValue(new File(arguments[0]), report);
    context.stop();
  }
}

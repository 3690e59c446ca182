package io.nativepythonworker;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import org.apache.spark.package$;

/**
 * Tries in a JVM of its own what the plugin does in an executor's, and writes what it finds as one
 * JSON object: {@code native-python-worker doctor} reads it. Runs on the class path of a Spark.
 */
public final class Doctor {
  private Doctor() {}

  public static void main(String[] arguments) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode found = mapper.createObjectNode();
    String spark = package$.MODULE$.SPARK_VERSION();
    found.put("version", NativePythonWorkerFactory.version());
    found.put("spark", spark);
    found.put("java", System.getProperty("java.runtime.version"));
    try {
      SparkVersion.parse(spark).generation();
      Platform.check();
      NativePythonWorkerFactory.start("");
      found.put("library", NativeLibrary.origin());
      found.set("loadedAhead", mapper.readTree(NativePythonWorkerFactory.loadedAhead(spark)));
    } catch (ReflectiveOperationException | RuntimeException | LinkageError failure) {
      found.put("failure", failure.getMessage());
    }
    System.out.println(mapper.writeValueAsString(found));
  }
}

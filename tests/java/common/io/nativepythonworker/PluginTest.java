package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.lang.reflect.Proxy;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.junit.Test;

public class PluginTest {
  private static final String JAVA_VERSION = "java.specification.version";

  @Test
  public void anOldJavaGetsOneWarningAndTheStockFactory() {
    String before = System.getProperty(JAVA_VERSION);
    try (LogRecorder log = new LogRecorder(NativePythonWorkerPlugin.class.getName())) {
      System.setProperty(JAVA_VERSION, "1.8");
      new NativePythonWorkerPlugin().executorPlugin().init(context(), Map.of());
      ExecutorPlugin second = new NativePythonWorkerPlugin().executorPlugin();
      second.init(context(), Map.of());
      second.shutdown();
      assertEquals(1, log.lines().size());
      assertTrue(
          log.lines().get(0).startsWith("WARN Native Python Worker needs Java 17, this is Java 8"));
    } finally {
      System.setProperty(JAVA_VERSION, before);
    }
  }

  private static PluginContext context() {
    return (PluginContext)
        Proxy.newProxyInstance(
            PluginTest.class.getClassLoader(),
            new Class<?>[] {PluginContext.class},
            (proxy, method, arguments) -> new SparkConf(false));
  }

  @Test
  public void releaseLinesAreRecognised() {
    assertTrue(SparkVersion.parse("4.1.2-vendor.7").atLeast(4, 1));
    assertTrue(!SparkVersion.parse("4.0.5").atLeast(4, 1));
    assertTrue(SparkVersion.parse("4.0.0").atLeast(3, 5));
    for (String unknown : new String[] {"3.4.1", "4.9.0", "5.0.0", "4", ""}) {
      assertThrows(unknown, UnsupportedOperationException.class, () -> SparkVersion.parse(unknown));
    }
  }

  @Test
  public void machinesWithoutALibraryAreNamed() {
    assertEquals("x86_64", Platform.architecture("Linux", "amd64"));
    assertEquals("aarch64", Platform.architecture("Linux", "aarch64"));
    assertThrows(
        UnsupportedOperationException.class, () -> Platform.architecture("Windows 11", "amd64"));
    assertThrows(
        UnsupportedOperationException.class, () -> Platform.architecture("Linux", "riscv64"));
  }
}

package io.nativepythonworker;

import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import org.apache.spark.SparkConf;
import org.junit.BeforeClass;
import org.junit.Test;

public class NativePythonWorkerFactoryTest {
  @BeforeClass
  public static void start() {
    NativePythonWorkerFactory.start("");
  }

  @Test
  public void aBadSettingIsNamedWithItsValue() {
    SparkConf conf = new SparkConf(false).set("spark.nativePythonWorker.idleTimeout", "soon");
    IllegalArgumentException failure =
        assertThrows(
            IllegalArgumentException.class, () -> NativePythonWorkerFactory.checkSettings(conf));
    String message = failure.getMessage();
    assertTrue(message, message.contains("spark.nativePythonWorker.idleTimeout"));
    assertTrue(message, message.contains("soon"));
    NativePythonWorkerFactory.checkSettings(conf.set("spark.nativePythonWorker.idleTimeout", "5s"));
  }

  @Test
  public void aJarOfAnotherVersionIsRefusedWithBothVersions() throws Exception {
    Method initialize =
        NativePythonWorkerFactory.class.getDeclaredMethod("initialize", String.class);
    initialize.setAccessible(true);
    InvocationTargetException refused =
        assertThrows(InvocationTargetException.class, () -> initialize.invoke(null, "0.0.0-other"));
    String message = refused.getCause().getMessage();
    assertTrue(
        message,
        message.matches(
            "the native library is of version [0-9.]+, the jar of version 0\\.0\\.0-other"));
  }

  @Test
  public void aWorkerWhoseSocketNobodyGetsIsStopped() throws Exception {
    String output =
        new ForkedJvm()
            .option("-Djava.nio.channels.spi.SelectorProvider=no.such.Provider")
            .run(LostWorkerMain.class);
    assertTrue(output, output.contains("failed: java.util.ServiceConfigurationError"));
    assertTrue(output, output.contains("the worker has ended"));
  }
}

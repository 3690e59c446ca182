package io.nativepythonworker;

import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class NativePythonWorkerFactoryTest {
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

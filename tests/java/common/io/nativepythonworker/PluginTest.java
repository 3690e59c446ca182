package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class PluginTest {
  @Test
  public void releaseLinesAreRecognised() {
    for (String vendors : new String[] {"3.3.2-amzn-0", "3.4.1.2.3", "4.1.2-vendor.7"}) {
      assertTrue(vendors, SparkVersion.parse(vendors).atLeast(3, 3));
    }
    assertTrue(!SparkVersion.parse("3.3.2-amzn-0").atLeast(3, 4));
    assertTrue(!SparkVersion.parse("4.0.5").atLeast(4, 1));
    assertTrue(SparkVersion.parse("4.0.0").atLeast(3, 5));
    for (String unknown : new String[] {"3.2.4", "4.9.0", "5.0.0", "4", ""}) {
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

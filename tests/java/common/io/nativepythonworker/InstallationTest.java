package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import io.nativepythonworker.forked.ContextMain;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class InstallationTest {
  private static final String NOT_USED = "Native Python Worker is not used";
  private static final String STOCK_MAP = "map: scala.collection.mutable.HashMap\n";

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void aMissingLibraryLeavesTheStockFactoryWithOneWarning() throws Exception {
    String output =
        new ForkedJvm().run(ContextMain.class, "spark.nativePythonWorker.library=/nowhere/libx.so");
    assertTrue(output, output.contains(STOCK_MAP));
    assertEquals(output, 1, warnings(output).size());
    assertTrue(output, warnings(output).get(0).contains("/nowhere/libx.so"));
  }

  @Test
  public void anUnknownSparkIsLeftAloneAndTheKnownOnesAreNamed() throws Exception {
    Path info = folder.newFile("spark-version-info.properties").toPath();
    Files.writeString(
        info, "version=9.9.9\nuser=u\nrevision=r\nbranch=b\ndate=d\nurl=l\ndocroot=d\n");
    File directory = folder.getRoot();
    String output = new ForkedJvm().classPathFirst(directory).run(ContextMain.class);
    assertTrue(output, output.contains(STOCK_MAP));
    assertEquals(output, 1, warnings(output).size());
    assertTrue(output, warnings(output).get(0).contains("9.9.9"));
    assertTrue(output, warnings(output).get(0).contains("3.5, 4.0, 4.1, 4.2, 4.3"));
  }

  @Test
  public void switchedOffItTouchesNothingAndSaysNothing() throws Exception {
    String output =
        new ForkedJvm().run(ContextMain.class, "spark.nativePythonWorker.enabled=false");
    assertTrue(output, output.contains(STOCK_MAP));
    assertFalse(output, output.contains("Native Python Worker"));
  }

  @Test
  public void theLibraryPathComesBeforeTheJar() throws Exception {
    Path library = Path.of(System.getProperty("library"));
    Files.copy(library, folder.getRoot().toPath().resolve(library.getFileName()));
    String output =
        new ForkedJvm().option("-Djava.library.path=" + folder.getRoot()).run(ContextMain.class);
    assertTrue(output, output.contains("map: " + WorkerFactoryMap.class.getName()));
    assertTrue(
        output,
        output.contains(
            "library: " + folder.getRoot() + "/libnative_python_worker.so (java.library.path)"));
    assertEquals(output, List.of(), warnings(output));
  }

  @Test
  public void aLibraryOfAnotherVersionThanTheJarLeavesTheStockFactory() throws Exception {
    String output =
        new ForkedJvm().classPathFirst(jarOfVersion("0.0.0-other")).run(ContextMain.class);
    assertTrue(output, output.contains(STOCK_MAP));
    assertEquals(output, 1, warnings(output).size());
    assertTrue(output, warnings(output).get(0).contains("the jar of version 0.0.0-other"));
  }

  /** The jar under test with its classes and its library, but for its version. */
  private File jarOfVersion(String version) throws IOException {
    File file = folder.newFile("other.jar");
    try (JarFile jar = new JarFile(System.getProperty("jar"))) {
      Manifest manifest = new Manifest(jar.getManifest());
      manifest.getMainAttributes().put(Attributes.Name.IMPLEMENTATION_VERSION, version);
      try (JarOutputStream copy = new JarOutputStream(new FileOutputStream(file), manifest)) {
        for (JarEntry entry : Collections.list(jar.entries())) {
          if (!entry.getName().equals(JarFile.MANIFEST_NAME)) {
            copy.putNextEntry(new JarEntry(entry.getName()));
            jar.getInputStream(entry).transferTo(copy);
          }
        }
      }
    }
    return file;
  }

  private static List<String> warnings(String output) {
    return output.lines().filter(line -> line.contains(NOT_USED)).collect(Collectors.toList());
  }
}

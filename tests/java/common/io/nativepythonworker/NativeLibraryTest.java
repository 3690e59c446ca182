package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class NativeLibraryTest {
  private static final String RESOURCE = Platform.directory() + "/libnative_python_worker.so";

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  private NativeLibrary library(String explicitPath, String resource) {
    return new NativeLibrary(explicitPath, resource, List.of(folder.getRoot().toPath()));
  }

  @Test
  public void anExplicitFileIsUsed() {
    String file = System.getProperty("library");
    assertEquals(file + " (spark.nativePythonWorker.library)", library(file, RESOURCE).load());
  }

  @Test
  public void anExplicitFileThatFailsIsNotReplacedByAnother() {
    UnsatisfiedLinkError error =
        assertThrows(UnsatisfiedLinkError.class, library("/nowhere/lib.so", RESOURCE)::load);
    assertEquals(1, error.getSuppressed().length);
    assertTrue(error.getMessage(), error.getMessage().contains("/nowhere/lib.so"));
  }

  @Test
  public void theCopyInTheJarIsTheLastResortAndLeavesNothingBehind() {
    assertEquals(RESOURCE + " in the jar", library("", RESOURCE).load());
    assertEquals(0, folder.getRoot().list().length);
  }

  @Test
  public void aDirectoryThatCannotBeRemovedIsLeft() throws IOException {
    Path root = folder.getRoot().toPath();
    try (InputStream library = new LeavingAFile(root)) {
      NativeLibrary.extractAndLoad(library, root);
    }
    assertEquals(1, folder.getRoot().list().length);
  }

  /** The library; who reads it finds another file beside its copy, as on NFS. */
  private static final class LeavingAFile extends FilterInputStream {
    private final Path root;

    LeavingAFile(Path root) throws IOException {
      super(Files.newInputStream(Path.of(System.getProperty("library"))));
      this.root = root;
    }

    @Override
    public int read(byte[] into, int start, int length) throws IOException {
      try (DirectoryStream<Path> made = Files.newDirectoryStream(root)) {
        Files.write(made.iterator().next().resolve(".nfs"), new byte[0]);
      }
      return super.read(into, start, length);
    }
  }

  @Test
  public void theNextDirectoryIsTriedWhereTheFirstIsOfNoUse() {
    List<Path> directories = List.of(Path.of("/nowhere"), folder.getRoot().toPath());
    assertEquals(RESOURCE + " in the jar", new NativeLibrary("", RESOURCE, directories).load());
    List<Path> none = List.of(Path.of("/nowhere"), Path.of("/proc"));
    UnsatisfiedLinkError error =
        assertThrows(UnsatisfiedLinkError.class, new NativeLibrary("", RESOURCE, none)::load);
    assertTrue(error.getMessage(), error.getMessage().contains("/nowhere"));
    assertTrue(error.getMessage(), error.getMessage().contains("/proc"));
  }

  @Test
  public void everyFailedAttemptIsKept() {
    UnsatisfiedLinkError error =
        assertThrows(UnsatisfiedLinkError.class, library("", "native/none.so")::load);
    assertEquals(2, error.getSuppressed().length);
    assertTrue(error.getSuppressed()[0].getMessage().contains("java.library.path"));
    assertTrue(error.getSuppressed()[1].getMessage().contains("native/none.so"));
  }

  @Test
  public void aFileForAnotherMachineIsNamed() throws IOException {
    Path text = folder.newFile("libtext.so").toPath();
    Files.writeString(text, "no library at all");
    UnsatisfiedLinkError error =
        assertThrows(UnsatisfiedLinkError.class, library(text.toString(), RESOURCE)::load);
    assertTrue(error.getMessage(), error.getMessage().contains("libtext.so"));
  }

  @Test
  public void aDirectoryMountedNoexecIsRecognised() throws IOException {
    Optional<Path> noexec = noexecDirectory();
    assumeTrue("no writable directory is mounted noexec", noexec.isPresent());
    NativeLibrary library = new NativeLibrary("", RESOURCE, List.of(noexec.get()));
    UnsatisfiedLinkError error = assertThrows(UnsatisfiedLinkError.class, library::load);
    assertTrue(error.getMessage(), error.getMessage().contains("java.io.tmpdir"));
  }

  private static Optional<Path> noexecDirectory() throws IOException {
    return Files.readAllLines(Path.of("/proc/mounts")).stream()
        .map(line -> line.split(" "))
        .filter(
            mount -> mount[2].equals("tmpfs") && List.of(mount[3].split(",")).contains("noexec"))
        .map(mount -> Path.of(mount[1]))
        .filter(Files::isWritable)
        .findFirst();
  }

  @Test
  public void theLinkersWordsAreExplained() {
    for (String words :
        List.of(
            "x.so: failed to map segment from shared object", "x.so: Operation not permitted")) {
      assertTrue(
          NativeLibrary.explain(Path.of("/t/x.so"), new UnsatisfiedLinkError(words))
              .contains("java.io.tmpdir"));
    }
    UnsatisfiedLinkError glibc =
        new UnsatisfiedLinkError("/lib/libc.so.6: version `GLIBC_2.38' not found");
    assertTrue(NativeLibrary.explain(Path.of("/t/x.so"), glibc).contains("C library is older"));
  }

  @Test
  public void oneFileServesASecondClassLoader() throws Exception {
    String file = System.getProperty("library");
    for (int loader = 0; loader < 2; loader++) {
      assertEquals(file + " (spark.nativePythonWorker.library)", loadInLoaderOfItsOwn(file));
    }
  }

  private static String loadInLoaderOfItsOwn(String file) throws Exception {
    URL jar = Path.of(System.getProperty("jar")).toUri().toURL();
    URLClassLoader loader =
        new URLClassLoader(new URL[] {jar}, ClassLoader.getPlatformClassLoader());
    Class<?> type = loader.loadClass(NativeLibrary.class.getName());
    Method load = type.getDeclaredMethod("load", String.class);
    load.setAccessible(true);
    try {
      load.invoke(null, file);
    } catch (InvocationTargetException failure) {
      throw new AssertionError(failure.getCause());
    }
    Method origin = type.getDeclaredMethod("origin");
    origin.setAccessible(true);
    return (String) origin.invoke(null);
  }
}

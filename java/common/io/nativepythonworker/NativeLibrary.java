package io.nativepythonworker;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Finds and loads the native library, in this order:
 *
 * <ol>
 *   <li>the file that {@code spark.nativePythonWorker.library} names: it is used or loading fails
 *   <li>{@code java.library.path}, which holds {@code LD_LIBRARY_PATH} as well
 *   <li>the copy in this jar, by way of a private directory that is removed at once, under {@code
 *       java.io.tmpdir} or, where nothing can be written there or executed from there, under one of
 *       those that Spark has for its own files
 * </ol>
 */
final class NativeLibrary {
  static final String NAME = "native_python_worker";

  /** Variables that name Spark's own directories: of standalone clusters, Kubernetes, and YARN. */
  private static final List<String> SPARKS_DIRECTORIES =
      Arrays.asList("SPARK_EXECUTOR_DIRS", "SPARK_LOCAL_DIRS", "LOCAL_DIRS");

  private static String origin;

  private final String explicitPath;
  private final String resource;
  private final List<Path> directories;

  /**
   * @param explicitPath file to load and no other; empty for none
   * @param resource where the library is in the jar
   * @param directories to extract it under: the first that will do
   */
  NativeLibrary(String explicitPath, String resource, List<Path> directories) {
    this.explicitPath = explicitPath;
    this.resource = resource;
    this.directories = directories;
  }

  /** Loads the library for this JVM; once it is loaded, this does nothing. */
  static synchronized void load(String explicitPath) {
    if (origin == null) {
      String resource = Platform.directory() + "/" + System.mapLibraryName(NAME);
      origin = new NativeLibrary(explicitPath, resource, directories()).load();
    }
  }

  private static List<Path> directories() {
    Stream<String> sparks =
        SPARKS_DIRECTORIES.stream()
            .flatMap(name -> Stream.of(System.getenv().getOrDefault(name, "").split("[,:]")));
    Stream<String> all = Stream.concat(Stream.of(System.getProperty("java.io.tmpdir")), sparks);
    return all.filter(name -> !name.isEmpty())
        .map(name -> Paths.get(name))
        .collect(Collectors.toList());
  }

  /** Where the loaded library came from, for people to read; null before it is loaded. */
  static synchronized String origin() {
    return origin;
  }

  /** Whether the library is loaded, and is not this file. */
  static synchronized boolean isLoadedFromElsewhere(String file) {
    return origin != null && !origin.startsWith(Paths.get(file).toAbsolutePath() + " (");
  }

  /**
   * Loads the library and tells where from. The UnsatisfiedLinkError of a failure has one
   * suppressed cause for every attempt.
   */
  String load() {
    if (!explicitPath.isEmpty()) {
      try {
        return loadExplicit();
      } catch (UnsatisfiedLinkError failure) {
        throw failed(failure);
      }
    }
    UnsatisfiedLinkError first;
    try {
      return loadFromLibraryPath();
    } catch (UnsatisfiedLinkError failure) {
      first = failure;
    }
    try {
      return loadFromJar();
    } catch (UnsatisfiedLinkError failure) {
      throw failed(first, failure);
    }
  }

  private static UnsatisfiedLinkError failed(UnsatisfiedLinkError... attempts) {
    return joined("its library cannot be loaded: ", Arrays.asList(attempts));
  }

  private static UnsatisfiedLinkError joined(String start, List<UnsatisfiedLinkError> attempts) {
    String reasons = attempts.stream().map(Throwable::getMessage).collect(Collectors.joining("; "));
    UnsatisfiedLinkError error = new UnsatisfiedLinkError(start + reasons);
    for (UnsatisfiedLinkError attempt : attempts) {
      error.addSuppressed(attempt);
    }
    return error;
  }

  private String loadExplicit() {
    Path file = Paths.get(explicitPath).toAbsolutePath();
    loadFile(file);
    return file + " (spark.nativePythonWorker.library)";
  }

  private String loadFromLibraryPath() {
    try {
      System.loadLibrary(NAME);
    } catch (UnsatisfiedLinkError failure) {
      Optional<Path> file = inLibraryPath().filter(found -> isLoadedElsewhere(failure));
      if (!file.isPresent()) {
        throw failure;
      }
      loadCopy(file.get());
    }
    return inLibraryPath().map(Path::toString).orElse(NAME) + " (java.library.path)";
  }

  private static Optional<Path> inLibraryPath() {
    String file = System.mapLibraryName(NAME);
    return Stream.of(System.getProperty("java.library.path", "").split(File.pathSeparator))
        .map(directory -> Paths.get(directory, file).toAbsolutePath())
        .filter(Files::isRegularFile)
        .findFirst();
  }

  private String loadFromJar() {
    ClassLoader loader = NativeLibrary.class.getClassLoader();
    if (loader.getResource(resource) == null) {
      throw new UnsatisfiedLinkError("there is no " + resource + " in the jar");
    }
    extractAndLoad(() -> loader.getResourceAsStream(resource));
    return resource + " in the jar";
  }

  private void loadFile(Path file) {
    try {
      System.load(file.toString());
    } catch (UnsatisfiedLinkError failure) {
      if (!isLoadedElsewhere(failure)) {
        throw linkError(explain(file, failure), failure);
      }
      loadCopy(file);
    }
  }

  /** The JVM ties a library file to one class loader; a copy counts as another file. */
  private void loadCopy(Path file) {
    extractAndLoad(() -> Files.newInputStream(file));
  }

  private static boolean isLoadedElsewhere(UnsatisfiedLinkError failure) {
    return String.valueOf(failure.getMessage()).contains("already loaded in another classloader");
  }

  /** Where the bytes of a library come from, as often as they are wanted. */
  private interface Source {
    InputStream open() throws IOException;
  }

  private void extractAndLoad(Source library) {
    List<UnsatisfiedLinkError> failures = new ArrayList<>();
    for (Path directory : directories) {
      try (InputStream bytes = library.open()) {
        extractAndLoad(bytes, directory);
        return;
      } catch (IOException failure) {
        failures.add(linkError("cannot extract it under " + directory + ": " + failure, failure));
      } catch (UnsatisfiedLinkError failure) {
        failures.add(failure);
        if (!isForbiddenThere(failure)) {
          break; // it would be so anywhere
        }
      }
    }
    throw joined("", failures);
  }

  /** Loads a copy that nobody else can read or write, and removes it. */
  static void extractAndLoad(InputStream library, Path temporary) throws IOException {
    FileAttribute<Set<PosixFilePermission>> ownerOnly =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    Path directory = Files.createTempDirectory(temporary, "native-python-worker-", ownerOnly);
    Path file = directory.resolve(System.mapLibraryName(NAME));
    try {
      Files.copy(library, file);
      System.load(file.toAbsolutePath().toString());
    } catch (UnsatisfiedLinkError failure) {
      throw linkError(explain(file, failure), failure);
    } finally {
      delete(file); // what is loaded stays mapped
      delete(directory);
    }
  }

  /**
   * NFS keeps a mapped file under another name in the same directory, until it is no longer used.
   */
  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException stays) {
      path.toFile().deleteOnExit();
    }
  }

  /** The dynamic linker's words, and what to do about them where that is known. */
  static String explain(Path file, UnsatisfiedLinkError failure) {
    String message = String.valueOf(failure.getMessage());
    if (isForbiddenThere(failure)) {
      return message
          + " ("
          + file.getParent()
          + " seems to be on a file system mounted noexec: name another directory with"
          + " -Djava.io.tmpdir)";
    }
    if (message.contains("version `GLIBC_")) {
      return message
          + " (this machine's C library is older than the one the library was built for)";
    }
    return message;
  }

  private static boolean isForbiddenThere(UnsatisfiedLinkError failure) {
    String message = String.valueOf(failure.getMessage());
    return message.contains("failed to map segment") || message.contains("Operation not permitted");
  }

  private static UnsatisfiedLinkError linkError(String message, Throwable cause) {
    UnsatisfiedLinkError error = new UnsatisfiedLinkError(message);
    error.initCause(cause);
    return error;
  }
}

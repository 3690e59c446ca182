package io.nativepythonworker;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;

/**
 * A small text on any file system that Hadoop knows. Each failure is an IOException whose message
 * says which step has failed and why.
 */
final class ProfileFile {
  static final int MOST_BYTES = 64 * 1024;

  private final String name;
  private final Configuration conf;

  ProfileFile(String name, Configuration conf) {
    this.name = name;
    this.conf = conf;
  }

  /** What is in it; an empty text where there is no such file. */
  String read() throws IOException {
    return step(
        "it can't be read",
        () -> {
          Path path = new Path(name);
          FileSystem files = files(path);
          FileStatus status = statusOf(files, path);
          if (status == null) {
            return "";
          }
          if (status.getLen() > MOST_BYTES) {
            throw new IOException("it has more than " + MOST_BYTES + " bytes");
          }
          return text(files, path);
        });
  }

  /** Puts {@code text} in its place, whole or not at all. */
  void write(String text) throws IOException {
    Path path = new Path(name);
    String beside = "." + path.getName() + "." + UUID.randomUUID();
    Path temporary = new Path(path.getParent(), beside);
    FileSystem files = step("its file system can't be reached", () -> files(path));
    try {
      step("it can't be written to " + temporary, () -> create(files, temporary, text));
      step(temporary + " can't be renamed to it", () -> replace(files, temporary, path));
    } catch (IOException failure) {
      deleteQuietly(files, temporary, failure);
      throw failure;
    }
  }

  /** The local one without Hadoop's checksums, which would not be right for what a user edits. */
  private FileSystem files(Path path) throws IOException {
    FileSystem files = path.getFileSystem(conf);
    return files instanceof LocalFileSystem ? ((LocalFileSystem) files).getRawFileSystem() : files;
  }

  /** Null where there is no such file. */
  private static FileStatus statusOf(FileSystem files, Path path) throws IOException {
    try {
      return files.getFileStatus(path);
    } catch (FileNotFoundException missing) {
      return null;
    }
  }

  private static String text(FileSystem files, Path path) throws IOException {
    byte[] bytes = new byte[MOST_BYTES];
    int length = 0;
    try (InputStream in = files.open(path)) {
      int some = in.read(bytes);
      while (some > 0) {
        length += some;
        some = in.read(bytes, length, MOST_BYTES - length);
      }
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  private static Void create(FileSystem files, Path temporary, String text) throws IOException {
    try (OutputStream out = files.create(temporary, false)) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
    return null;
  }

  private Void replace(FileSystem files, Path temporary, Path path) throws IOException {
    FileStatus last = statusOf(files, path);
    if (last != null) {
      files.setPermission(temporary, last.getPermission());
    }
    if ("file".equals(files.getUri().getScheme())) { // it renames as the system does
      rename(files, temporary, path);
      return null;
    }
    Path from = files.makeQualified(temporary);
    try {
      FileContext.getFileContext(from.toUri(), conf)
          .rename(from, files.makeQualified(path), Rename.OVERWRITE);
    } catch (UnsupportedFileSystemException older) { // it has but the older of Hadoop's interfaces
      files.delete(path, false);
      rename(files, temporary, path);
    }
    return null;
  }

  private static void rename(FileSystem files, Path from, Path to) throws IOException {
    if (!files.rename(from, to)) {
      throw new IOException("the file system has refused it");
    }
  }

  private static void deleteQuietly(FileSystem files, Path temporary, IOException failure) {
    try {
      files.delete(temporary, false);
    } catch (IOException | RuntimeException suppressed) {
      failure.addSuppressed(suppressed);
    }
  }

  private static <T> T step(String failed, Callable<T> step) throws IOException {
    try {
      return step.call();
    } catch (Exception | LinkageError cause) { // a file system's classes may be missing
      String firstLine = cause.toString().split("\n", 2)[0];
      throw new IOException(failed + ": " + firstLine, cause);
    }
  }
}

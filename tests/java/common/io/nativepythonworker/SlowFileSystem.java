package io.nativepythonworker;

import java.io.IOException;
import java.net.URI;
import java.util.concurrent.CountDownLatch;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FilterFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * The local files under the scheme {@code slow}: looks at them wait while a test wants them to. It
 * renames to no name that is taken, and has but the older of Hadoop's interfaces.
 */
public final class SlowFileSystem extends FilterFileSystem {
  private static volatile CountDownLatch gate = new CountDownLatch(0);

  public SlowFileSystem() {
    super(new RawLocalFileSystem());
  }

  /** A configuration that knows it. */
  static Configuration configuration() {
    Configuration conf = new Configuration(false);
    conf.set("fs.slow.impl", SlowFileSystem.class.getName());
    conf.setBoolean("fs.slow.impl.disable.cache", true);
    return conf;
  }

  /** From now on all wait until the latch is counted down. */
  static CountDownLatch shut() {
    gate = new CountDownLatch(1);
    return gate;
  }

  @Override
  public URI getUri() {
    return URI.create("slow:///");
  }

  @Override
  public void initialize(URI name, Configuration conf) throws IOException {
    super.initialize(URI.create("file:///"), conf);
  }

  private static Path local(Path path) {
    return new Path("file", null, path.toUri().getPath());
  }

  @Override
  protected void checkPath(Path path) {}

  @Override
  public Path makeQualified(Path path) {
    return new Path("slow", null, path.toUri().getPath());
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    try {
      gate.await();
    } catch (InterruptedException interrupt) {
      throw new IOException(interrupt);
    }
    return super.getFileStatus(local(path));
  }

  @Override
  public FSDataInputStream open(Path path, int buffer) throws IOException {
    return super.open(local(path), buffer);
  }

  @Override
  public FSDataOutputStream create(
      Path path,
      FsPermission permission,
      boolean overwrite,
      int buffer,
      short replication,
      long block,
      Progressable progress)
      throws IOException {
    return super.create(local(path), permission, overwrite, buffer, replication, block, progress);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    return !exists(to) && super.rename(local(from), local(to));
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    return super.delete(local(path), recursive);
  }

  @Override
  public void setPermission(Path path, FsPermission permission) throws IOException {
    super.setPermission(local(path), permission);
  }
}

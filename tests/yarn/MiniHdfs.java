import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/**
 * An HDFS of one name node and one data node, in this JVM and on loopback, until standard input
 * ends.
 *
 * <p>Argument: its folder, which gets {@code core-site.xml} for clients, and then a file {@code
 * address}, once both serve.
 */
public final class MiniHdfs {
  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    Configuration conf = new HdfsConfiguration();
    conf.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.resolve("hdfs").toString());
    MiniDFSCluster cluster = new MiniDFSCluster.Builder(conf).numDataNodes(1).build();
    cluster.waitActive();
    try (OutputStream file = Files.newOutputStream(folder.resolve("core-site.xml"))) {
      conf.writeXml(file);
    }
    Path part = folder.resolve("part");
    Files.writeString(part, cluster.getFileSystem().getUri().toString());
    Files.move(part, folder.resolve("address"), StandardCopyOption.ATOMIC_MOVE);
    while (System.in.read() >= 0) {
      // whoever has started this still wants it
    }
    cluster.shutdown();
    System.exit(0); // some of Hadoop's threads are no daemons
  }
}

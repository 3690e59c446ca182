import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.fs.CommonConfigurationKeysPublic;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.nodemanager.NodeManager;
import org.apache.hadoop.yarn.server.resourcemanager.ResourceManager;

/**
 * A YARN of one resource manager and one node manager, in this JVM and on loopback, until standard
 * input ends.
 *
 * <p>Arguments: its folder, which gets {@code conf/yarn-site.xml} for clients once both serve, and
 * settings (key=value).
 */
public final class MiniYarn {
  private static final String ANYWHERE = "127.0.0.1:0";

  public static void main(String[] arguments) throws Exception {
    Path folder = Path.of(arguments[0]);
    DefaultMetricsSystem.setMiniClusterMode(true);
    YarnConfiguration conf = new YarnConfiguration();
    conf.set(CommonConfigurationKeysPublic.FS_DEFAULT_NAME_KEY, "file:///");
    for (String address :
        new String[] {
          YarnConfiguration.RM_ADDRESS,
          YarnConfiguration.RM_SCHEDULER_ADDRESS,
          YarnConfiguration.RM_RESOURCE_TRACKER_ADDRESS,
          YarnConfiguration.RM_ADMIN_ADDRESS,
          YarnConfiguration.RM_WEBAPP_ADDRESS,
          YarnConfiguration.NM_ADDRESS,
          YarnConfiguration.NM_LOCALIZER_ADDRESS,
          YarnConfiguration.NM_WEBAPP_ADDRESS,
          YarnConfiguration.NM_COLLECTOR_SERVICE_ADDRESS,
        }) {
      conf.set(address, ANYWHERE);
    }
    conf.set("yarn.scheduler.capacity.root.queues", "default");
    conf.set("yarn.scheduler.capacity.root.default.capacity", "100");
    conf.set("yarn.scheduler.capacity.maximum-am-resource-percent", "1");
    conf.set("hadoop.tmp.dir", folder.resolve("tmp").toString());
    conf.set(YarnConfiguration.NM_LOCAL_DIRS, folder.resolve("local").toString());
    conf.set(YarnConfiguration.NM_LOG_DIRS, folder.resolve("logs").toString());
    conf.setBoolean(YarnConfiguration.LOG_AGGREGATION_ENABLED, true);
    conf.set(YarnConfiguration.NM_REMOTE_APP_LOG_DIR, folder.resolve("aggregated").toString());
    for (int i = 1; i < arguments.length; i++) {
      String[] setting = arguments[i].split("=", 2);
      conf.set(setting[0], setting[1]);
    }
    ResourceManager resources = new ResourceManager();
    resources.init(conf);
    resources.start();
    NodeManager node = new NodeManager();
    node.init(new YarnConfiguration(resources.getConfig()));
    node.start();
    writeClientSettings(resources.getConfig(), folder.resolve("conf"));
    while (System.in.read() >= 0) {
      // whoever has started this still wants it
    }
    node.stop();
    resources.stop();
    System.exit(0); // some of Hadoop's threads are no daemons
  }

  /** Whole or not at all, as the tests wait for the file. */
  private static void writeClientSettings(org.apache.hadoop.conf.Configuration conf, Path folder)
      throws IOException {
    Files.createDirectories(folder);
    Path part = folder.resolve("part");
    try (OutputStream file = Files.newOutputStream(part)) {
      conf.writeXml(file);
    }
    Files.move(part, folder.resolve("yarn-site.xml"));
  }
}

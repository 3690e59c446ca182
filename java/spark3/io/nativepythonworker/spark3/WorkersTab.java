package io.nativepythonworker.spark3;

import io.nativepythonworker.ui.SparkHeader;
import io.nativepythonworker.ui.WorkersPage;
import java.util.stream.Stream;
import org.apache.spark.ui.ServerInfo;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.ui.SparkUITab;
import scala.Option;

/** The tab of Python workers in Spark's UI. */
final class WorkersTab extends SparkUITab {
  private WorkersTab(SparkUI ui) {
    super(ui, WorkersPage.PREFIX);
  }

  static void attach(SparkUI ui, WorkersPage page) throws ReflectiveOperationException {
    if (!attachesTwice()) {
      attachTo(ui, page);
      return;
    }
    Option<ServerInfo> server = ui.serverInfo();
    ui.serverInfo_$eq(Option.empty());
    try {
      attachTo(ui, page);
    } finally {
      ui.serverInfo_$eq(server);
    }
  }

  /**
   * Whether this Spark gives its server, at the end of its start, all handlers that the UI knows,
   * and fails over one that the server has already. Such a one must not see the server before.
   */
  private static boolean attachesTwice() {
    return Stream.of(SparkUI.class.getMethods())
        .anyMatch(method -> method.getName().equals("attachAllHandler"));
  }

  private static void attachTo(SparkUI ui, WorkersPage page) throws ReflectiveOperationException {
    WorkersTab tab = new WorkersTab(ui);
    tab.attachPage(new WorkersTabPage(tab, new SparkHeader()));
    ui.attachHandler(WorkersPage.LIVE, new WorkersServlet(page), "/*");
    ui.attachTab(tab); // last: no tab without its data
  }

  @Override
  public String name() {
    return WorkersPage.TITLE;
  }
}

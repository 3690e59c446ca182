package io.nativepythonworker.spark3;

import io.nativepythonworker.ui.SparkHeader;
import io.nativepythonworker.ui.WorkersPage;
import org.apache.spark.ui.SparkUI;
import org.apache.spark.ui.SparkUITab;

/** The tab of Python workers in Spark's UI. */
final class WorkersTab extends SparkUITab {
  private WorkersTab(SparkUI ui) {
    super(ui, WorkersPage.PREFIX);
  }

  static void attach(SparkUI ui, WorkersPage page) throws ReflectiveOperationException {
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

package io.nativepythonworker.spark3;

import io.nativepythonworker.ui.SparkHeader;
import io.nativepythonworker.ui.WorkersPage;
import javax.servlet.http.HttpServletRequest;
import org.apache.spark.ui.WebUIPage;
import scala.Function0;
import scala.collection.immutable.Seq;
import scala.xml.Node;
import scala.xml.Unparsed;

/** The page of Python workers, with Spark's header. */
final class WorkersTabPage extends WebUIPage {
  private final WorkersTab tab;
  private final SparkHeader header;

  WorkersTabPage(WorkersTab tab, SparkHeader header) {
    super("");
    this.tab = tab;
    this.header = header;
  }

  /** Scala 2.12 knows it by the bridge that has collection.Seq, 2.13 by this. */
  @Override
  @SuppressWarnings("unchecked")
  public Seq<Node> render(HttpServletRequest request) {
    Function0<Object> frame = () -> new Unparsed(WorkersPage.frame());
    return (Seq<Node>) header.around(request, WorkersPage.TITLE, frame, tab);
  }
}

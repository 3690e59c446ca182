package io.nativepythonworker.spark3;

import io.nativepythonworker.ui.WorkersPage;
import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;

/** Gives the page of Python workers what it asks for. Spark puts its own filters before it. */
final class WorkersServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  private final transient WorkersPage page;

  WorkersServlet(WorkersPage page) {
    this.page = page;
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    WorkersPage.Answer answer = page.answer(request.getPathInfo(), request.getParameter("since"));
    if (answer == null) {
      response.sendError(HttpServletResponse.SC_NOT_FOUND);
    } else {
      response.setContentType(answer.type());
      response.getOutputStream().write(answer.body());
    }
  }

  /** Not supported, as in Spark's own pages: it would show headers to scripts. */
  @Override
  protected void doTrace(HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    response.sendError(HttpServletResponse.SC_METHOD_NOT_ALLOWED);
  }
}

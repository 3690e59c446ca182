package io.nativepythonworker.ui;

import java.lang.reflect.Method;
import java.util.stream.Stream;
import org.apache.spark.ui.UIUtils$;

/**
 * What Spark puts around each page: header, tabs, style. Found by name, as each version adds
 * arguments at its end; they all have defaults.
 */
public final class SparkHeader {
  private static final String NAME = "headerSparkPage";
  private static final int GIVEN = 4;

  private final Method method;
  private final Object[] defaults;

  /** Finds it in the Spark that runs here. */
  public SparkHeader() throws ReflectiveOperationException {
    method =
        Stream.of(UIUtils$.class.getMethods())
            .filter(one -> one.getName().equals(NAME))
            .findFirst()
            .orElseThrow(() -> new NoSuchMethodException(NAME));
    defaults = new Object[method.getParameterCount() - GIVEN];
    for (int i = 0; i < defaults.length; i++) {
      String name = NAME + "$default$" + (GIVEN + i + 1);
      defaults[i] = UIUtils$.class.getMethod(name).invoke(UIUtils$.MODULE$);
    }
  }

  /**
   * A whole page, as Scala's sequence of nodes.
   *
   * @param request of the servlet API that this Spark has
   * @param content a Scala function that makes the nodes within
   * @param tab the tab that is shown as the active one
   */
  public Object around(Object request, String title, Object content, Object tab) {
    Object[] given = {request, title, content, tab};
    Object[] arguments =
        Stream.concat(Stream.of(given), Stream.of(defaults)).toArray(Object[]::new);
    try {
      return method.invoke(UIUtils$.MODULE$, arguments);
    } catch (ReflectiveOperationException failure) {
      throw new IllegalStateException("Spark's page header cannot be made", failure);
    }
  }
}

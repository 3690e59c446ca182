package io.nativepythonworker;

import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** With classes of Spark that nobody else has loaded. */
public class FirstPythonFunctionTest {
  private URLClassLoader spark;
  private FirstPythonFunction function;

  @Before
  public void loadNothing() throws Exception {
    spark = new URLClassLoader(classPath(), ClassLoader.getSystemClassLoader().getParent());
    function = new FirstPythonFunction(spark);
  }

  @After
  public void closeFiles() throws Exception {
    spark.close();
  }

  private static URL[] classPath() throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      urls.add(new File(entry).toURI().toURL());
    }
    return urls.toArray(new URL[0]);
  }

  private void usePython() throws ClassNotFoundException {
    spark.loadClass("org.apache.spark.api.python.PythonFunction");
  }

  @Test
  public void itIsThereFromItsFirstUseOn() throws Exception {
    spark.loadClass("org.apache.spark.SparkConf");
    assertFalse(function.isThere());
    assertFalse("a look is no use", function.isThere());
    usePython();
    assertTrue(function.isThere());
  }

  @Test
  public void whoWaitsHearsOfIt() throws Exception {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread waiting = start(failure);
    usePython();
    waiting.join();
    assertNull(failure.get());
  }

  @Test
  public void anInterruptEndsTheWait() throws Exception {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread waiting = start(failure);
    waiting.interrupt();
    waiting.join();
    assertTrue(failure.get() instanceof InterruptedException);
  }

  private Thread start(AtomicReference<Throwable> failure) {
    Thread waiting =
        new Thread(
            () -> {
              try {
                function.await();
              } catch (Throwable thrown) {
                failure.set(thrown);
              }
            });
    waiting.start();
    return waiting;
  }
}

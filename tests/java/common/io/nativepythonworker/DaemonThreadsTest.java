package io.nativepythonworker;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

public class DaemonThreadsTest {
  private final InheritableThreadLocal<String> session = new InheritableThreadLocal<>();
  private final ClassLoader before = Thread.currentThread().getContextClassLoader();

  @Before
  public void beASession() {
    session.set("session");
    Thread.currentThread().setContextClassLoader(new URLClassLoader(new URL[0]));
  }

  @After
  public void beNone() {
    session.remove();
    Thread.currentThread().setContextClassLoader(before);
  }

  @Test
  public void aThreadHasNothingOfTheSessionThatHadItMade() throws InterruptedException {
    AtomicReference<String> inherited = new AtomicReference<>("not run");
    Thread thread = DaemonThreads.make(() -> inherited.set(session.get()), "name");
    assertEquals("name", thread.getName());
    assertTrue(thread.isDaemon());
    assertSame(DaemonThreads.class.getClassLoader(), thread.getContextClassLoader());
    thread.start();
    thread.join();
    assertNull(inherited.get());
  }

  @Test
  public void theThreadThatTellsOfWorkersIsSuchAThread() throws InterruptedException {
    AtomicReference<ClassLoader> loader = new AtomicReference<>();
    ReportSender sender =
        new ReportSender(
            () -> {
              loader.set(Thread.currentThread().getContextClassLoader());
              return ExecutorReportTest.of(ExecutorReportTest.told(1));
            },
            text -> {},
            new ReportSender.Pauses(1, 1, 1));
    sender.start();
    assertTrue(TestSpark.eventually(() -> loader.get() != null));
    sender.stop();
    assertSame(DaemonThreads.class.getClassLoader(), loader.get());
  }
}

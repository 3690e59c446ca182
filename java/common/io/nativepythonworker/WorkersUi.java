package io.nativepythonworker;

import io.nativepythonworker.ui.ExecutorEnds;
import io.nativepythonworker.ui.ExecutorStore;
import io.nativepythonworker.ui.Imports;
import io.nativepythonworker.ui.WorkersPage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkContext$;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.plugin.PluginContext;
import org.apache.spark.storage.BlockManagerId;

/** This JVM's part in the page of Python workers: showing it, telling it, or both. */
final class WorkersUi {
  private static volatile ExecutorStore store;
  private static volatile Imports imports;
  private static volatile ReportSender sender;

  private WorkersUi() {}

  /**
   * Adds the page to the UI of {@code context}, if there is one, and has this JVM tell of its own
   * workers.
   *
   * @param listens whether executors are heard without a page as well
   * @return whether they are heard
   */
  static synchronized boolean show(
      SparkContext context, SparkGeneration generation, PluginContext plugin, boolean listens)
      throws ReflectiveOperationException {
    imports = new Imports(plugin.conf().get("spark.nativePythonWorker.preload", null));
    boolean shows =
        plugin.conf().getBoolean("spark.nativePythonWorker.ui.enabled", true)
            && context.ui().isDefined();
    if (!shows && !listens) {
      return false;
    }
    ExecutorStore heard = new ExecutorStore(imports);
    if (shows) {
      generation.attach(context.ui().get(), new WorkersPage(heard));
    }
    context.addSparkListener(new ExecutorEnds(heard));
    store = heard;
    tell(plugin, heard::receive);
    return true;
  }

  /** Has this JVM tell its workers to the driver; in local mode the driver's side does that. */
  static synchronized void tell(PluginContext plugin) {
    if (sender == null) {
      tell(plugin, text -> send(plugin, text));
    }
  }

  private static void send(PluginContext plugin, String text) {
    try {
      plugin.send(text);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static void tell(PluginContext plugin, Consumer<String> receiver) {
    stopTelling();
    Supplier<ExecutorReport> reports = () -> ExecutorReport.now(plugin.executorID(), host());
    sender = new ReportSender(reports, receiver, ReportSender.Pauses.USUAL);
    sender.start();
  }

  /**
   * Where this JVM runs, empty as long as Spark does not know. {@code PluginContext.hostname} fails
   * on executors: it asks for the address of a server that they do not have.
   */
  private static String host() {
    BlockManagerId manager = SparkEnv.get().blockManager().blockManagerId();
    return manager == null ? "" : manager.host();
  }

  /** Takes what an executor has told. */
  static void receive(Object message) {
    ExecutorStore heard = store;
    if (heard != null) {
      heard.receive(message);
    }
  }

  /** A task has a worker that is new to it: from now on there is something to tell. */
  static void workerMade() {
    ReportSender sending = sender;
    if (sending != null) {
      sending.wake();
    }
  }

  /**
   * On the driver, at the application's end: what would have saved time, or an empty line. In local
   * mode its own workers are all there are; what executors have told comes with the page.
   */
  static synchronized String advice() {
    Imports all = imports;
    if (all == null) {
      return "";
    }
    all.hear(SparkContext$.MODULE$.DRIVER_IDENTIFIER(), NativeReport.anew().path("imports"));
    return all.advice();
  }

  /** Whether what is learned is loaded, and not only told. */
  static boolean loadsLearned(SparkConf conf) {
    String learn = conf.get("spark.nativePythonWorker.preload.learn", "").trim();
    return learn.equalsIgnoreCase("load") || learn.equalsIgnoreCase("true");
  }

  /** On the driver: the modules that executors have found safe, separated by commas. */
  static String learned() {
    Imports all = imports;
    return all == null ? "" : String.join(",", all.safe());
  }

  /** On the driver, at the application's end, after {@link #advice}: what went well, or not. */
  static void leave(Profile profile) {
    Imports all = imports;
    if (all != null) {
      profile.leave(all.safe(), all.unsafe());
    }
  }

  static synchronized void shutDown() {
    stopTelling();
    store = null;
    imports = null;
  }

  private static void stopTelling() {
    if (sender != null) {
      sender.stop();
      sender = null;
    }
  }
}

package io.nativepythonworker.spark4;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.apache.spark.api.python.PythonWorkerHandle;
import scala.Option;

/**
 * Handles for Spark 4.3, which name a worker by its identity and not by a pid that may be another's
 * by now.
 */
final class NativeWorkerHandles implements WorkerHandles {
  private final String faultHandlerDirectory;

  /**
   * @param faultHandlerDirectory where Python's faulthandler writes a file a process; null where it
   *     is off
   */
  NativeWorkerHandles(String faultHandlerDirectory) {
    this.faultHandlerDirectory = faultHandlerDirectory;
  }

  @Override
  public Option<?> of(Spark4Worker worker) {
    return Option.apply(new Handle(worker, faultHandlerDirectory));
  }

  private record Handle(Spark4Worker worker, String faultHandlerDirectory)
      implements PythonWorkerHandle {
    @Override
    public boolean isAlive() {
      return worker.isAlive();
    }

    @Override
    public boolean destroy() {
      return worker.terminate();
    }

    /** What Python's faulthandler wrote when the worker died, and how it died. */
    @Override
    public Option<String> terminationDiagnostics() {
      String why = worker.whyEnded();
      String stack = takeStack();
      if (why == null) {
        return Option.apply(stack);
      }
      return Option.apply((stack == null ? "" : stack) + why + "\n");
    }

    /** Faulthandler's file is removed, so the text comes once; null where there is none. */
    private String takeStack() {
      if (faultHandlerDirectory == null) {
        return null;
      }
      Path file = Path.of(faultHandlerDirectory, Long.toString(worker.pid()));
      try {
        String text = Files.readString(file) + "\n";
        Files.delete(file);
        return text;
      } catch (NoSuchFileException none) {
        return null;
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
    }
  }
}

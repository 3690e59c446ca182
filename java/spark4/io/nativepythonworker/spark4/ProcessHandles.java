package io.nativepythonworker.spark4;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import scala.Option;

/**
 * Handles for Spark 4.0 to 4.2: the JDK's, but ending the worker goes through the native side,
 * which signals the process by its identity and knows then that Spark has wanted its end.
 */
final class ProcessHandles implements WorkerHandles {
  @Override
  public Option<?> of(Spark4Worker worker) {
    return Option.apply(
        ProcessHandle.of(worker.pid()).map(jdk -> new Handle(worker, jdk)).orElse(null));
  }

  private record Handle(Spark4Worker worker, ProcessHandle jdk) implements ProcessHandle {
    @Override
    public boolean isAlive() {
      return worker.isAlive();
    }

    @Override
    public boolean destroy() {
      return worker.terminate();
    }

    @Override
    public boolean destroyForcibly() {
      boolean ran = isAlive();
      worker.kill();
      return ran;
    }

    @Override
    public boolean supportsNormalTermination() {
      return jdk.supportsNormalTermination();
    }

    @Override
    public long pid() {
      return worker.pid();
    }

    @Override
    public Optional<ProcessHandle> parent() {
      return jdk.parent();
    }

    @Override
    public Stream<ProcessHandle> children() {
      return jdk.children();
    }

    @Override
    public Stream<ProcessHandle> descendants() {
      return jdk.descendants();
    }

    @Override
    public Info info() {
      return jdk.info();
    }

    @Override
    public CompletableFuture<ProcessHandle> onExit() {
      return jdk.onExit();
    }

    @Override
    public int compareTo(ProcessHandle other) {
      return Long.compare(pid(), other.pid());
    }
  }
}

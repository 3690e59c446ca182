"""Spark drivers as subprocesses of the tests: how they are started, given work, watched and ended."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from multiprocessing.connection import Listener
from pathlib import Path

import class_archive
import pyspark
from class_archive import NO_SETTINGS, SHORT_LIVED
from processes import descendants, eventually
from pyspark import cloudpickle
from spark_home import SPARK_HOME

HERE = Path(__file__).resolve().parent
VERSION = tuple(int(part) for part in pyspark.__version__.split(".")[:2])
JAR = Path(os.environ.get("NATIVE_PYTHON_WORKER_JAR", HERE.parent.parent / "build/libs/native-python-worker.jar"))
PLUGIN = "io.nativepythonworker.NativePythonWorkerPlugin"
STOCK_FACTORY = "org.apache.spark.api.python.PythonWorkerFactory"
NATIVE_FACTORY = f"io.nativepythonworker.spark{VERSION[0]}.Spark{VERSION[0]}WorkerFactory"
START_SECONDS = 120

DEFAULTS = {
    "spark.master": "local[2]",
    "spark.app.name": "native-python-worker-tests",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.executor.extraJavaOptions": class_archive.options(),
}
# With this the zygote forks every worker: while a long import keeps it busy, it leaves some to PySpark's daemon.
NOTHING_TO_LOAD = {"spark.nativePythonWorker.preload": ","}


class JobFailed(Exception):
    """A job raised inside the driver; the text is the exception's type and message."""


@dataclass(frozen=True)
class Setup:
    """What is fixed for a driver's life: everything that only a new JVM can change."""

    native: bool
    launcher: str = "spark-submit"  # or "python": a PySpark program that starts its JVM itself
    jar_by: str = "jars"  # or "classpath", or "defaults": spark.jars given in spark-defaults.conf
    jar: str = str(JAR)
    java_options: str = ""
    java_home: str = ""
    environment: tuple = ()  # pairs
    plugin: str = PLUGIN


@dataclass
class Outcome:
    """How one job went, and what the driver's process tree logged meanwhile."""

    result: object
    error: str | None
    factories: list
    ways: set  # by which native factories of the driver's JVM got it workers: {"spare", "idle"}
    jvm: int
    log_file: Path = field(repr=False)
    log_start: int = field(repr=False)

    @property
    def value(self):
        if self.error is not None:
            raise JobFailed(self.error)
        return self.result

    @property
    def log(self):
        with open(self.log_file, errors="replace") as log:
            log.seek(self.log_start)
            return log.read()

    def logged(self, pattern, timeout=30):
        """The first match of a regular expression in the log, awaited: other processes write it too."""
        return eventually(lambda: re.search(pattern, self.log), timeout)


class Driver:
    """One spark-submit process that runs jobs until it is closed."""

    def __init__(self, setup, directory):
        self.setup = setup
        self.native = setup.native
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_file = self.directory / "driver.log"
        self.sockets = tempfile.TemporaryDirectory()
        self.jvm = None
        self.process = None
        self.channel = None
        self.submit_arguments = None
        self._start()

    def _start(self):
        address = os.path.join(self.sockets.name, "driver")
        with Listener(address, "AF_UNIX") as listener, open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                self._command(address),
                env=self._environment(),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            listener._listener._socket.settimeout(START_SECONDS)
            try:
                self.channel = listener.accept()
            except (TimeoutError, socket.timeout):  # one and the same from Python 3.10 on
                self.kill()
                raise AssertionError(f"no driver within {START_SECONDS} s:\n{self._log_tail()}") from None

    def _command(self, address):
        settings = {}
        arguments = []
        if self.native:
            settings["spark.plugins"] = self.setup.plugin
            if self.setup.jar_by == "jars":
                arguments += ["--jars", self.setup.jar]
            elif self.setup.jar_by == "classpath":
                settings["spark.driver.extraClassPath"] = self.setup.jar
                settings["spark.executor.extraClassPath"] = self.setup.jar
            else:
                settings["spark.jars"] = self.setup.jar
        if self.native and self.setup.jar_by == "defaults":
            defaults = "".join(f"{key} {value}\n" for key, value in settings.items())
            (self.directory / "spark-defaults.conf").write_text(defaults)
        else:
            for key, value in settings.items():
                arguments += ["--conf", f"{key}={value}"]
        arguments += ["--driver-java-options", f"{class_archive.options()} {self.setup.java_options}"]
        if self.setup.launcher == "python":
            self.submit_arguments = shlex.join([*arguments, "pyspark-shell"])
            return [sys.executable, str(HERE / "driver.py"), address]
        return [str(SPARK_HOME / "bin/spark-submit"), *arguments, str(HERE / "driver.py"), address]

    def _environment(self):
        kept = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "JAVA_HOME", "TMPDIR", "USER")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment["SPARK_HOME"] = str(SPARK_HOME)
        environment["SPARK_LOCAL_IP"] = "127.0.0.1"
        environment["SPARK_CONF_DIR"] = str(self.directory if self.setup.jar_by == "defaults" else NO_SETTINGS)
        environment["SPARK_LAUNCHER_OPTS"] = SHORT_LIVED
        environment["PYSPARK_PYTHON"] = sys.executable
        environment["PYSPARK_DRIVER_PYTHON"] = sys.executable
        if self.submit_arguments:
            environment["PYSPARK_SUBMIT_ARGS"] = self.submit_arguments
        if self.setup.java_home:
            environment["JAVA_HOME"] = self.setup.java_home
        environment.update(self.setup.environment)
        return environment

    def run(self, job, conf=None, environment=None, timeout=180, stop=False):
        """Runs `job(spark)` in the driver and tells how it went.

        `conf` and `environment` (of the driver's Python, which tells Spark the worker's interpreter) come on top of
        the defaults. With `stop` the session is stopped before this returns. A driver that does not answer within
        `timeout` seconds is killed and the test fails.
        """
        cloudpickle.register_pickle_by_value(sys.modules[job.__module__])
        request = {
            "job": cloudpickle.dumps(job),
            "conf": {**DEFAULTS, **(conf or {})},
            "environment": environment or {},
            "stop": stop,
        }
        start = self.log_file.stat().st_size
        try:
            self.channel.send_bytes(cloudpickle.dumps(request))
            if not self.channel.poll(timeout):
                raise TimeoutError(f"no answer within {timeout} s")
            reply = cloudpickle.loads(self.channel.recv_bytes())
        except (EOFError, OSError) as failure:
            state = self._state()
            self.kill()
            raise AssertionError(f"the driver was lost: {failure!r}\n{state}\n{self._log_tail()}") from failure
        self.jvm = reply["jvm"] or self.jvm
        told = [reply[name] for name in ("value", "error", "factories", "ways", "jvm")]
        return Outcome(*told, self.log_file, start)

    def workers(self):
        """All processes under the JVM except the driver's own Python and what that started.

        Nor the shell that spark-class started before it became the JVM, which does not reap it.
        """
        found = descendants(self.jvm)
        own = [child.pid for child in found if str(HERE / "driver.py") in child.command]
        own += [child.pid for child in found if child.ppid == self.process.pid and child.name == "bash"]
        return descendants(self.jvm, besides=own)

    @property
    def usable(self):
        return self.process.poll() is None

    def close(self):
        """Ends the driver as a program ends; returns its exit status."""
        self.channel.close()
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the driver did not end within 60 s\n{self._log_tail()}") from None
        self.sockets.cleanup()
        return status

    def kill(self):
        """Kills the driver and what belongs to it, as a last resort."""
        family = [self.process.pid] + [child.pid for child in descendants(self.process.pid)]
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def _state(self):
        """Where the JVM's threads stand, for the report of a hang."""
        jstack = subprocess.run(
            ["jcmd", str(self.process.pid), "Thread.print"], capture_output=True, text=True, timeout=30, check=False
        )
        tree = "\n".join(map(str, descendants(self.process.pid)))
        (self.directory / "threads.txt").write_text(jstack.stdout)
        return f"threads: {self.directory / 'threads.txt'}\n{tree}"

    def _log_tail(self):
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-60:])

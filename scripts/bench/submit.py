"""One spark-submit on stock Spark or on the native factory, and the proof that it ran there."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from paths import HERE, JAR

STOCK, NATIVE = "stock", "native"
LIMIT_SECONDS = 3600
BEAT_SECONDS = 20
# For an application to try what its workers have imported.
LEARNING_SECONDS = 30

COMMON = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
}
# What a user adds, whose executor is the driver: then Spark need not send it the jar.
NATIVE_SETTINGS = {
    "spark.plugins": "io.nativepythonworker.NativePythonWorkerPlugin",
    "spark.jars": f"local:{JAR}",
}
FACTORY_PACKAGES = {STOCK: "org.apache.spark.api.python.", NATIVE: "io.nativepythonworker."}
FORKERS = {STOCK: "daemon", NATIVE: "zygote"}

LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""


class RunFailed(Exception):
    """A run that gave no figures, or none that count."""


@dataclass(frozen=True)
class Program:
    """What to run in a fresh JVM: a module of inside/ or, with a jar, a Java class of it."""

    name: str
    arguments: dict
    conf: dict
    jar: Path | None = None
    uses_python: bool = True
    has_libraries: bool = False

    def command(self, report):
        words = [f"{name}={value}" for name, value in self.arguments.items()]
        if self.jar:
            return ["--class", self.name, str(self.jar), str(report), str(HERE / "inside/served.py"), *words]
        return [str(HERE / "inside/app.py"), str(report), self.name, *words]


def environment(combination, has_libraries, folder):
    kept = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER")
    python = str(combination.interpreter(has_libraries))
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "JAVA_HOME": str(combination.java_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(folder),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
    }


def run(program, combination, factory, folder, output=None, limit=LIMIT_SECONDS):
    """Runs a program and returns its report. What it leaves behind is in the folder.

    Its standard output goes to `output`, or to a file. The figure `whole` is the time from submit to exit. Raises RunFailed where
    it fails, takes longer than `limit` seconds, or was served by the wrong factory.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = folder / "report.json"
    conf = {**COMMON, **program.conf, **(NATIVE_SETTINGS if factory == NATIVE else {})}
    (folder / "spark-defaults.conf").write_text("".join(f"{key} {value}\n" for key, value in conf.items()))
    (folder / "log4j2.properties").write_text(LOGGING)
    command = [str(combination.spark_home / "bin/spark-submit"), *program.command(report)]
    with open(folder / "output.txt", "wb") as file, open(folder / "log.txt", "wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment(combination, program.has_libraries, folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output or file,
            stderr=log,
            start_new_session=True,
        )
        status = finish(process, limit, quiet=output is not None)
        seconds = time.perf_counter() - started
    if status != 0 or not report.is_file():
        raise RunFailed(f"ended with {status}; see {folder / 'log.txt'}:\n{tail(folder / 'log.txt')}")
    found = json.loads(report.read_text())
    if "error" in found:
        raise RunFailed(found["error"])
    found["figures"]["whole"] = seconds
    if program.uses_python:
        check_server(found, factory)
    return found


def learn(program, combination, folder):
    """Has native learn of what the program imports, in an application of its own. Returns the settings of those that follow."""
    profile = {"spark.nativePythonWorker.preload.profile": f"file:{folder.resolve()}.profile"}
    arguments = {**program.arguments, "settle": LEARNING_SECONDS}
    if "before" in arguments:
        arguments["before"] = 0  # jobs that only have the JVM compile its part teach nothing
    run(replace(program, arguments=arguments, conf={**program.conf, **profile}), combination, NATIVE, folder)
    return profile


def finish(process, limit, quiet):
    """Waits for a process, says now and then that it still runs, and leaves nothing of it behind."""
    started = time.monotonic()
    try:
        while True:
            try:
                return process.wait(BEAT_SECONDS)
            except subprocess.TimeoutExpired:
                seconds = time.monotonic() - started
            if seconds > limit:
                raise RunFailed(f"not done after {limit} s")
            if not quiet:
                print(f"    {seconds:4.0f} s", flush=True)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def check_server(report, factory):
    """Refuses a report of a run that another factory served, or PySpark's daemon in place of the zygote."""
    wrong = [name for name in report["factories"] if not name.startswith(FACTORY_PACKAGES[factory])]
    if wrong or not report["factories"]:
        raise RunFailed(f"not served by the {factory} factory, but by {wrong or 'none'}")
    if set(report["forkers"]) != {FORKERS[factory]}:
        raise RunFailed(f"a {factory} run, with workers forked by {report['forkers'] or 'none'}")


def tail(log, lines=15):
    return "\n".join(f"    | {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])

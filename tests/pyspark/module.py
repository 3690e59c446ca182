"""One run of one test module in processes of its own, with Spark's own factory or the native one."""

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from release import HERE, ROOT, catalogue

JAR = ROOT / "build/libs/native-python-worker.jar"
PLUGIN = "io.nativepythonworker.NativePythonWorkerPlugin"
MODULE_SECONDS = 1200
INTERNAL_ERROR = 3  # of pytest, as its exit status
SHUFFLE_PARTITIONS = 4  # of a few rows: Spark's 200 made the grouped maps three times as long
KEPT = ("HOME", "PATH", "LANG", "LC_ALL", "TZ", "JAVA_HOME", "USER")

# The JVMs live for a minute or two: what the second compiler and the parallel collector take is not earned back.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# What Spark logs goes to standard error as in its shell; who served, to a file that no test reads or empties.
LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{{HH:mm:ss}} %p %c{{1}}: %m%n%ex
appender.console.filter.threshold.type = ThresholdFilter
appender.console.filter.threshold.level = warn
appender.served.type = File
appender.served.name = served
appender.served.fileName = {served}
appender.served.layout.type = PatternLayout
appender.served.layout.pattern = %p %c{{1}}: %m%n%ex
logger.context.name = org.apache.spark.SparkContext
logger.context.level = info
logger.context.appenderRef.served.ref = served
logger.native.name = io.nativepythonworker
logger.native.level = info
logger.native.appenderRef.served.ref = served
"""

running = set()


@dataclass
class Test:
    """How one test ended."""

    name: str
    outcome: str = "passed"  # or "failed", "skipped"
    text: str = ""
    seconds: float = 0.0


@dataclass
class Run:
    """How one module ran."""

    module: str
    tests: dict  # of Test, by name
    ended: str  # how its process ended
    seconds: float
    log: Path
    contexts: int = 0
    served: int = 0
    warnings: list = field(default_factory=list)

    def named(self, outcome):
        return [test.name for test in self.tests.values() if test.outcome == outcome]

    @property
    def broke_off(self):
        """Whether there may be tests of which it says nothing: pytest itself failed, or was killed."""
        return self.ended == f"exit code {INTERNAL_ERROR}" or self.ended.startswith("killed")


def run(release, module, native, folder, only=()):
    """Runs a module, or `only` some of its tests, and keeps all that it leaves in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    report, served, log = folder / "report.xml", folder / "served.log", folder / "output.log"
    for old in (report, served):
        old.unlink(missing_ok=True)
    configure(folder, native, served)
    path = release.sources / Path(*module.split(".")).with_suffix(".py")
    targets = [str(release.sources / name) for name in only] or [str(path)]
    command = [sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), "--rootdir", str(release.sources)]
    command += [f"--deselect={prefix}" for entry in catalogue()["left_out"] for prefix in entry.get("tests", ())]
    command += ["-p", "beside_connect"] if native else []
    command += ["--junitxml", str(report), *targets]
    started = time.monotonic()
    ended = watched(command, environment(release, folder), folder, log)
    tests = read(report, module) if report.exists() else {}
    done = Run(module, tests, ended, time.monotonic() - started, log)
    if served.exists():
        witness(done, served.read_text(errors="replace"))
    return done


def configure(folder, native, served):
    """The plugin is switched on as a user would for all programs: by the defaults of Spark."""
    defaults = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS)}
    defaults |= {f"spark.{side}.extraJavaOptions": JAVA_OPTIONS for side in ("driver", "executor")}
    if native:
        defaults |= {"spark.plugins": PLUGIN, "spark.jars": str(JAR)}
    (folder / "spark-defaults.conf").write_text("".join(f"{key} {value}\n" for key, value in defaults.items()))
    (folder / "log4j2.properties").write_text(LOG4J.format(served=served))


def environment(release, folder):
    given = {name: os.environ[name] for name in KEPT if name in os.environ}
    return given | {
        "PYTHONPATH": os.pathsep.join([str(release.sources), str(HERE)]),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_HOME": str(release.home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_TESTING": "1",
        "TESTED_PLUGIN": PLUGIN,
    }


def watched(command, env, folder, log):
    """Runs a command in a process group of its own, which is killed when its time is over."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        running.add(process)
        try:
            return f"exit code {process.wait(MODULE_SECONDS)}"
        except subprocess.TimeoutExpired:
            return f"killed after {MODULE_SECONDS} s"
        finally:
            end(process)


def end(process):
    running.discard(process)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def end_all():
    for process in list(running):
        end(process)


def read(report, module):
    """The tests of pytest's report. One that failed in its teardown, or in a subtest, is there more than once."""
    tests = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if case.get("name") is None:  # under way when pytest broke off
            continue
        classes = case.get("classname", "").removeprefix(module).strip(".")
        name = "::".join(filter(None, [module.replace(".", "/") + ".py", classes, case.get("name")]))
        test = tests.setdefault(name, Test(name))
        test.seconds += float(case.get("time", 0))
        bad = case.findall("failure") + case.findall("error")
        if bad:
            test.outcome = "failed"
            test.text += "\n".join(part.text or "" for part in [*bad, *case.findall("system-out"), *case.findall("system-err")])
        elif case.find("skipped") is not None and test.outcome == "passed":
            test.outcome, test.text = "skipped", case.find("skipped").get("message", "")
    return tests


def witness(done, text):
    """What the JVMs logged of who serves Python."""
    done.contexts = len(re.findall(r"SparkContext: Running Spark version", text))
    done.served = len(re.findall(r"^INFO NativePythonWorkerPlugin: .* serves Python on Spark", text, re.MULTILINE))
    done.warnings = re.findall(r"^(?:WARN|ERROR) (?!SparkContext).*", text, re.MULTILINE)


def printable(text):
    """Without what XML cannot hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")

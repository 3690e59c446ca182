"""A YARN and an HDFS of one node on loopback, and applications that are submitted as users submit them."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import class_archive
import psutil
from class_archive import NO_SETTINGS
from processes import eventually
from spark_home import INSTALLED as SPARK_HOME

from harness import JAR, NOTHING_TO_LOAD, PLUGIN

HERE = Path(__file__).resolve().parent
START_SECONDS = 180
APPLICATION_SECONDS = 400

# What has no say in how Python is served: small containers on a small machine, and nothing that takes long.
SETTINGS = {
    "yarn.nodemanager.resource.memory-mb": "8192",
    "yarn.nodemanager.resource.cpu-vcores": "16",
    "yarn.scheduler.minimum-allocation-mb": "64",
    "yarn.nodemanager.container-monitor.interval-ms": "500",
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "99.5",
    "yarn.nodemanager.vmem-check-enabled": "false",
    # Else it leaves containers alone that are too large, as if cgroups had them in hand.
    "yarn.nodemanager.resource.memory.enforced": "false",
}


def hadoop_jars():
    """The jars of the resource and node manager that `gradle -p tests/yarn jars` has fetched for this Spark's Hadoop."""
    (client,) = (SPARK_HOME / "jars").glob("hadoop-client-api-*.jar")
    version = client.stem.rpartition("-")[2]
    return HERE.parents[1] / f"build/yarn/hadoop-{version}"


def java(*arguments, settings=None):
    """The command that runs a program of Hadoop's; clients find what they need to know in the folder `settings`."""
    home = os.environ.get("JAVA_HOME")
    class_path = [settings] if settings else []
    class_path += [f"{hadoop_jars()}/*", f"{SPARK_HOME}/jars/*"]
    words = (*class_archive.SHORT_LIVED.split(), "-cp", ":".join(map(str, class_path)), *arguments)
    return [f"{home}/bin/java" if home else "java", *map(str, words)]


class Service:
    """A program of this folder in a JVM of its own: it serves from when it has written the file `ready` into its folder."""

    def __init__(self, program, folder, ready, *arguments):
        self.program = HERE / program
        self.folder = folder
        self.ready = folder / ready
        self.arguments = arguments
        self.process = None

    def __enter__(self):
        command = java("-Xmx512m", self.program, self.folder, *self.arguments)
        output = self.folder / "service.log"
        with open(output, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.folder)
        assert eventually(lambda: self.ready.is_file() or self.process.poll() is not None, START_SECONDS)
        assert self.ready.is_file(), output.read_text()[-4000:]
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Hdfs(Service):
    """Name and data node."""

    def __init__(self, folder):
        super().__init__("MiniHdfs.java", folder, "address")

    @property
    def address(self):
        """As in `hdfs://127.0.0.1:8020`."""
        return self.ready.read_text()

    def read(self, path):
        """The text of a file, as `hdfs dfs -cat` shows it."""
        command = java("org.apache.hadoop.fs.FsShell", "-cat", path, settings=self.folder)
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


class Yarn(Service):
    """Resource and node manager."""

    def __init__(self, folder, **settings):
        pairs = [f"{key}={value}" for key, value in {**SETTINGS, **settings}.items()]
        super().__init__("MiniYarn.java", folder, "conf/yarn-site.xml", *pairs)
        self.submitted = 0

    def environment(self, **more):
        kept = ("HOME", "PATH", "LANG", "TZ", "JAVA_HOME", "TMPDIR", "USER")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HADOOP_CONF_DIR": str(self.folder / "conf"),
            "SPARK_CONF_DIR": str(NO_SETTINGS),
            "SPARK_LAUNCHER_OPTS": class_archive.SHORT_LIVED,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            **more,
        }

    def submit(self, program, *arguments, mode="client", native=True, options=(), environment=None, **conf):
        """Runs `program` to its end. Its last argument is the file that it is to write what it has seen to, as JSON."""
        self.submitted += 1
        told = self.folder / f"told-{self.submitted}.json"
        settings = {
            "spark.yarn.jars": f"local:{SPARK_HOME}/jars/*",
            "spark.yarn.stagingDir": f"file://{self.folder}/staging",
            "spark.yarn.appMasterEnv.SPARK_LOCAL_IP": "127.0.0.1",
            "spark.executorEnv.SPARK_LOCAL_IP": "127.0.0.1",
            "spark.yarn.am.memory": "256m",
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.executor.instances": "2",
            "spark.ui.enabled": "false",
            **NOTHING_TO_LOAD,
            "spark.yarn.submit.waitAppCompletion": "true",
            **({"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"} if mode == "client" else {}),
            **{"spark." + name: value for name, value in conf.items()},
        }
        for side in ("driver", "executor", "yarn.am"):
            settings[f"spark.{side}.extraJavaOptions"] = class_archive.SHORT_LIVED
        if native:
            settings["spark.plugins"] = PLUGIN
            options = ("--jars", str(JAR), *options)
        command = [str(SPARK_HOME / "bin/spark-submit"), "--master", "yarn", "--deploy-mode", mode, *options]
        command += [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
        log = self.folder / f"submit-{self.submitted}.log"
        with open(log, "wb") as output:
            status = subprocess.run(
                [*command, str(HERE / program), *map(str, arguments), str(told)],
                env=self.environment(**(environment or {})),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=APPLICATION_SECONDS,
                check=False,
            ).returncode
        text = log.read_text(errors="replace")
        name = re.search(r"application_\d+_\d+", text)
        return Application(self, name and name[0], status, told, text)

    def logs_of(self, application):
        """What `yarn logs` shows: the output of all its containers, once it is collected."""
        command = java(
            "org.apache.hadoop.yarn.client.cli.LogsCLI", "-applicationId", application, settings=self.folder / "conf"
        )
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False).stdout


@dataclass
class Application:
    """One that has ended."""

    yarn: Yarn
    name: str
    status: int
    file: Path
    log: str

    @property
    def told(self):
        """What its program has written."""
        assert self.file.is_file(), f"status {self.status}\n{self.log[-4000:]}\n{self.container_logs[-20000:]}"
        return json.loads(self.file.read_text())

    @property
    def container_logs(self):
        """Of all its containers, as `yarn logs` has them when they are collected."""
        return eventually(lambda: self.yarn.logs_of(self.name), 60)

    @property
    def processes(self):
        """All that run in one of its containers, or have been started there."""
        number = self.name.removeprefix("application_")
        found = []
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                if f"_{number}_" in one.environ().get("CONTAINER_ID", "") and one.status() != psutil.STATUS_ZOMBIE:
                    found.append(one)
        return found

    def assert_nothing_left(self, patience=30):
        deadline = time.monotonic() + patience
        while self.processes and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not self.processes

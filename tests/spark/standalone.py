"""Standalone clusters for tests."""

import os
import re
import subprocess

import class_archive
from class_archive import NO_SETTINGS
from processes import descendants, eventually
from spark_home import SPARK_HOME

from harness import START_SECONDS

EXECUTOR = "CoarseGrainedExecutorBackend"
STARTED = re.compile(r"Starting Spark master at (spark://\S+)")


class StandaloneCluster:
    """A master and so many workers on loopback, started and stopped by Spark's own scripts."""

    def __init__(self, directory, workers=1):
        self.directory = directory
        self.workers = range(1, workers + 1)
        self.url = None

    def __enter__(self):
        anywhere = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        self._script("start", "Master", *anywhere)
        started = eventually(self._started, START_SECONDS)
        assert started, f"no master within {START_SECONDS} s"
        self.url = started[1]
        for number in self.workers:
            self._script("start", "Worker", *anywhere, "--cores", "2", "--memory", "1g", self.url, number=number)
        return self

    def _started(self):
        return STARTED.search("".join(log.read_text() for log in self.directory.glob("log/*Master*.out")))

    def __exit__(self, *_):
        for number in self.workers:
            self._script("stop", "Worker", number=number)
        self._script("stop", "Master")

    def executors(self):
        """Pids of the executors that run now."""
        pids = [int(file.read_text()) for file in self.directory.glob("pid/*Worker-*.pid")]
        return [child.pid for pid in pids for child in descendants(pid) if EXECUTOR in child.command]

    def _script(self, action, role, *arguments, number=1):
        kind = f"org.apache.spark.deploy.{role.lower()}.{role}"
        environment = {
            **os.environ,
            "SPARK_HOME": str(SPARK_HOME),
            "SPARK_CONF_DIR": str(NO_SETTINGS),
            "SPARK_LOG_DIR": str(self.directory / "log"),
            "SPARK_PID_DIR": str(self.directory / "pid"),
            "SPARK_WORKER_DIR": str(self.directory / "work"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_JAVA_OPTS": class_archive.options(),
        }
        command = ["bash", str(SPARK_HOME / "sbin/spark-daemon.sh"), action, kind, str(number), *arguments]
        # Its output goes to a file: the daemon would keep a pipe of ours open.
        with open(self.directory / "scripts.log", "a") as log:
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)

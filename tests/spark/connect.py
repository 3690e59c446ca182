"""A Spark Connect server as a subprocess of the tests, and sessions on it."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import class_archive
from class_archive import NO_SETTINGS
from processes import descendants, eventually
from spark_home import SPARK_HOME

from harness import DEFAULTS, JAR, PLUGIN, START_SECONDS

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
STARTED = re.compile(r"Spark Connect server started at: \S*:(\d+)\s")
CONF = {**DEFAULTS, "spark.master": "local[4]", "spark.connect.grpc.binding.address": "127.0.0.1"}
FREE_PORT = {"spark.connect.grpc.binding.port": "0"}
CLIENT_SECONDS = 120


class Server:
    """One server, with the native factory or with Spark's own."""

    def __init__(self, directory, native, conf):
        self.log_file = directory / "server.log"
        self.sessions = []
        conf = {**CONF, **FREE_PORT, **({"spark.plugins": PLUGIN} if native else {}), **conf}
        arguments = [word for name, value in conf.items() for word in ("--conf", f"{name}={value}")]
        arguments += ["--driver-java-options", class_archive.options()]
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [SPARK_HOME / "bin/spark-submit", "--class", SERVER, *(["--jars", JAR] if native else []), *arguments],
                env={
                    **os.environ,
                    "SPARK_HOME": SPARK_HOME,
                    "SPARK_CONF_DIR": NO_SETTINGS,
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "PYSPARK_PYTHON": sys.executable,
                },
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        started = eventually(self._started, START_SECONDS)
        assert started, f"no server within {START_SECONDS} s:\n{self.log_file.read_text()[-4000:]}"
        self.address = f"sc://127.0.0.1:{started[1]}"

    def _started(self):
        return STARTED.search(self.log_file.read_text())

    def session(self):
        """A new session of its own, as another client would have it."""
        from pyspark.sql import SparkSession

        self.sessions.append(SparkSession.builder.remote(self.address).create())
        return self.sessions[-1]

    def at_once(self, task, count):
        """What `task(session, number)` returns in so many sessions at the same time."""

        def client(number):
            session = self.session()
            try:
                return task(session, number)
            finally:
                session.stop()

        with ThreadPoolExecutor(count) as clients:
            running = [clients.submit(client, number) for number in range(count)]
            return [one.result(CLIENT_SECONDS) for one in running]

    def python_processes(self):
        """Daemons, zygotes, spares and workers."""
        return [one for one in descendants(self.process.pid) if "python" in one.name]

    def close(self):
        """Ends the server as an administrator does; sessions left open would look for it for ten minutes."""
        for session in self.sessions:
            if not session.is_stopped:
                session.stop()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

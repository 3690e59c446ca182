"""Executors in processes of their own: local-cluster and a standalone cluster, and what is in their heaps."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from harness import NATIVE_FACTORY, SPARK_HOME, STOCK_FACTORY, VERSION
from processes import descendants, eventually, survivors

LOCAL_CLUSTER = {"spark.master": "local-cluster[2,1,1024]", "spark.executor.memory": "512m"}
EXECUTOR = "CoarseGrainedExecutorBackend"


def factories_in_heap(pid):
    """How many factories of either kind are live in a JVM: (native, stock)."""
    java_home = os.environ.get("JAVA_HOME")
    jcmd = f"{java_home}/bin/jcmd" if java_home else "jcmd"
    run = subprocess.run([jcmd, str(pid), "GC.class_histogram"], capture_output=True, text=True, timeout=60, check=True)
    counts = {}
    for line in run.stdout.splitlines():
        row = re.match(r"\s*\d+:\s+(\d+)\s+\d+\s+(\S+)", line)
        if row:
            counts[row[2]] = int(row[1])
    return counts.get(NATIVE_FACTORY, 0), counts.get(STOCK_FACTORY, 0)


def assert_served_by(pid, is_native):
    native, stock = factories_in_heap(pid)
    served, other = (native, stock) if is_native else (stock, native)
    assert served >= 1
    assert other == 0


def executors(driver):
    return [child.pid for child in descendants(driver.process.pid) if EXECUTOR in child.command]


def workers_by_executor(spark):
    """Pids of workers, by the pid of their executor's id."""

    def own(_):
        import time

        time.sleep(1)
        return os.environ.get("SPARK_EXECUTOR_DIRS"), os.getpid()

    found = {}
    for directory, pid in spark.sparkContext.parallelize(range(4), 4).map(own).collect():
        found.setdefault(directory, set()).add(pid)
    return found


def sql_work(spark):
    from pyspark.sql.functions import pandas_udf

    times = pandas_udf(lambda s: s * 10, "long")
    return spark.range(0, 1000, 1, 4).select(times("id").alias("n")).agg({"n": "sum"}).first()[0]


def planned_in_the_driver(spark):
    """A table function that a Python worker beside the driver analyses."""
    from pyspark.sql.functions import lit, udtf
    from pyspark.sql.types import IntegerType, StructType
    from pyspark.sql.udtf import AnalyzeResult

    @udtf
    class Named:
        @staticmethod
        def analyze(name) -> AnalyzeResult:
            return AnalyzeResult(StructType().add(name.value, IntegerType()))

        def eval(self, name: str):
            yield (len(name),)

    return Named(lit("five5")).columns


def test_heap_in_local_mode(launch, is_native):
    driver = launch()
    assert driver.run(sql_work).value == 4_995_000
    assert_served_by(driver.jvm, is_native)


@pytest.mark.parametrize("jar_by", ["jars", "classpath"])
def test_two_executors(launch, is_native, jar_by):
    driver = launch(jar_by=jar_by)
    found = driver.run(workers_by_executor, conf=LOCAL_CLUSTER).value
    assert len(found) == 2
    assert driver.run(sql_work, conf=LOCAL_CLUSTER).value == 4_995_000
    assert len(executors(driver)) == 2
    for pid in executors(driver):
        assert_served_by(pid, is_native)
    if VERSION >= (4, 0):
        assert driver.run(planned_in_the_driver, conf=LOCAL_CLUSTER).value == ["five5"]
        assert_served_by(driver.jvm, is_native)
    everyone = [worker.pid for worker in driver.workers()]
    driver.run(sql_work, conf=LOCAL_CLUSTER, stop=True)
    assert not survivors(everyone)


def test_killed_executor_takes_its_workers_with_it(launch):
    driver = launch()
    assert driver.run(sql_work, conf=LOCAL_CLUSTER).value == 4_995_000
    victim = executors(driver)[0]
    workers = [child.pid for child in descendants(victim)]
    assert workers
    os.kill(victim, signal.SIGKILL)
    assert not survivors(workers)
    assert driver.run(sql_work, conf=LOCAL_CLUSTER).value == 4_995_000


class StandaloneCluster:
    """A master and a worker on loopback, started and stopped by Spark's own scripts."""

    def __init__(self, directory):
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"spark://127.0.0.1:{probe.getsockname()[1]}"

    def __enter__(self):
        host, port = self.url.removeprefix("spark://").split(":")
        self._script("start", "Master", "--host", host, "--port", port, "--webui-port", "0")
        self._script("start", "Worker", "--host", host, "--webui-port", "0", "--cores", "2", "--memory", "1g", self.url)
        return self

    def __exit__(self, *_):
        self._script("stop", "Worker")
        self._script("stop", "Master")

    def pid(self, role):
        return int(next(self.directory.glob(f"pid/*{role}-1.pid")).read_text())

    def _script(self, action, role, *arguments):
        kind = f"org.apache.spark.deploy.{role.lower()}.{role}"
        environment = {
            **os.environ,
            "SPARK_HOME": str(SPARK_HOME),
            "SPARK_CONF_DIR": str(self.directory),
            "SPARK_LOG_DIR": str(self.directory / "log"),
            "SPARK_PID_DIR": str(self.directory / "pid"),
            "SPARK_WORKER_DIR": str(self.directory / "work"),
            "SPARK_LOCAL_IP": "127.0.0.1",
        }
        command = ["bash", str(SPARK_HOME / "sbin/spark-daemon.sh"), action, kind, "1", *arguments]
        # Its output goes to a file: the daemon would keep a pipe of ours open.
        with open(self.directory / "scripts.log", "a") as log:
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)


def test_standalone_cluster(launch, is_native, tmp_path):
    with StandaloneCluster(tmp_path) as cluster:
        conf = {"spark.master": cluster.url, "spark.executor.memory": "512m"}
        driver = launch()
        assert driver.run(sql_work, conf=conf).value == 4_995_000
        found = [child for child in descendants(cluster.pid("Worker")) if EXECUTOR in child.command]
        assert len(found) == 1
        assert_served_by(found[0].pid, is_native)
        python = [child.pid for child in descendants(found[0].pid)]
        assert python
        driver.run(sql_work, conf=conf, stop=True)
        assert not survivors(python)
        assert driver.close() == 0
    assert eventually(lambda: not list(Path(tmp_path).glob("pid/*.pid")))

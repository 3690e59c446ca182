"""Executors in processes of their own: local-cluster and a standalone cluster, and what is in their heaps."""

import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from processes import descendants, eventually, survivors
from standalone import EXECUTOR, StandaloneCluster
from together import together

from harness import NATIVE_FACTORY, STOCK_FACTORY, VERSION

LOCAL_CLUSTER = {"spark.master": "local-cluster[2,1,1024]", "spark.executor.memory": "512m"}


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

    found = {}
    # An executor has one core: neither runs both tasks.
    for directory, pid in together(spark, 2, lambda: (os.environ.get("SPARK_EXECUTOR_DIRS"), os.getpid())):
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


@pytest.mark.alike("processes, and nothing of Spark's")
def test_heap_in_local_mode(modules_driver, is_native):
    assert modules_driver.run(sql_work).value == 4_995_000
    assert_served_by(modules_driver.jvm, is_native)


@pytest.mark.parametrize("jar_by", ["jars", pytest.param("classpath", marks=pytest.mark.long)])
def test_two_executors(modules_driver, launch, is_native, jar_by):
    driver = modules_driver if jar_by == "jars" else launch(jar_by=jar_by)
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


@pytest.mark.alike("processes, and nothing of Spark's")
def test_killed_executor_takes_its_workers_with_it(modules_driver):
    driver = modules_driver
    assert driver.run(sql_work, conf=LOCAL_CLUSTER).value == 4_995_000
    families = {pid: python_of([pid]) for pid in executors(driver)}
    victim, workers = next((pid, family) for pid, family in families.items() if family)
    os.kill(victim, signal.SIGKILL)
    assert not survivors(workers)
    assert driver.run(sql_work, conf=LOCAL_CLUSTER, stop=True).value == 4_995_000


@pytest.mark.long
def test_standalone_cluster(launch, is_native, tmp_path):
    with StandaloneCluster(tmp_path) as cluster:
        conf = {"spark.master": cluster.url, "spark.executor.memory": "512m"}
        driver = launch()
        assert driver.run(sql_work, conf=conf).value == 4_995_000
        (executor,) = cluster.executors()
        assert_served_by(executor, is_native)
        python = [child.pid for child in descendants(executor)]
        assert python
        driver.run(sql_work, conf=conf, stop=True)
        assert not survivors(python)
        assert driver.close() == 0
    assert eventually(lambda: not list(Path(tmp_path).glob("pid/*.pid")))


def python_of(executors):
    """Pids of all that these executors have started."""
    return [child.pid for executor in executors for child in descendants(executor)]


def slow_work(seconds):
    """A job of eight tasks that take so long each."""

    def job(spark):
        import time

        return spark.sparkContext.parallelize(range(8), 8).map(lambda n: time.sleep(seconds) or n).sum()

    return job


TWO_EXECUTORS = {"spark.executor.memory": "512m", "spark.executor.cores": "2"}


@pytest.mark.long
def test_executors_that_come_and_go(launch, is_native, tmp_path):
    dynamic = {
        **TWO_EXECUTORS,
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.maxExecutors": "2",
        "spark.dynamicAllocation.executorIdleTimeout": "15s",
    }
    with StandaloneCluster(tmp_path, workers=2) as cluster:
        driver = launch()
        conf = {"spark.master": cluster.url, **dynamic}
        for _ in range(2):
            assert driver.run(slow_work(3), conf=conf).value == 28
            executors = cluster.executors()
            assert executors
            for executor in executors:
                assert_served_by(executor, is_native)
            python = python_of(executors)
            assert eventually(lambda: not cluster.executors())
            assert not survivors(python)


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGPWR], ids=["killed", "decommissioned"])
def test_executor_that_is_lost_in_the_middle_of_a_job(launch, tmp_path, how):
    with StandaloneCluster(tmp_path, workers=2) as cluster:
        conf = {"spark.master": cluster.url, "spark.decommission.enabled": "true", **TWO_EXECUTORS}
        driver = launch()
        assert driver.run(slow_work(0.5), conf=conf).value == 28
        assert eventually(lambda: len(cluster.executors()) == 2)
        victim = cluster.executors()[0]
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(driver.run, slow_work(2), conf=conf)
            python = eventually(lambda: python_of([victim]))
            time.sleep(2)  # into the middle of its tasks
            os.kill(victim, how)
            assert running.result().value == 28
        assert not survivors([victim, *python])

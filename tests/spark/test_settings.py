"""Spark's own settings for Python workers, and ours, do what they say."""

import os
import tempfile

import pytest
from processes import eventually, process, survivors
from together import together

from harness import VERSION

UDS = {"spark.python.unix.domain.socket.enabled": "true"}
NO_DAEMON = {"spark.python.use.daemon": "false"}
# Each task starts an interpreter, on stock Spark too: a minute for a mixture of jobs.
SLOW_WITHOUT_DAEMON = pytest.param(NO_DAEMON, marks=pytest.mark.long)
PIPELINED = {"spark.python.udf.pipelined.enabled": "true"}
FOUR_CORES = {"spark.master": "local[4]"}


def pids(spark, tasks=2):
    """Pids of the workers of `tasks` tasks that run at the same time."""
    return together(spark, tasks, os.getpid)


def mixture(spark):
    """A bit of everything that reaches a worker in its own way."""
    from pyspark.sql.functions import pandas_udf, udf

    plus = udf(lambda n: n + 1, "long")
    times = pandas_udf(lambda s: s * 10, "long")
    frame = spark.range(0, 1000, 1, 2)
    one = frame.select(plus("id").alias("n")).agg({"n": "sum"}).first()[0]
    two = frame.select(times("id").alias("n")).agg({"n": "sum"}).first()[0]
    three = frame.mapInPandas(lambda parts: parts, "id long").count()
    four = spark.sparkContext.parallelize(range(100_000), 2).map(lambda n: n).take(2)
    five = spark.sparkContext.parallelize(range(1000), 2).map(lambda n: (n % 7, 1)).groupByKey().count()
    return one, two, three, four, five


EXPECTED = (500_500, 4_995_000, 1000, [0, 1], 7)


def environment_of_a_worker(spark):
    import os

    return spark.sparkContext.parallelize([0], 1).map(lambda _: dict(os.environ)).first()


@pytest.mark.matrix
def test_reuse_keeps_workers(run):
    def job(spark):
        return [set(pids(spark)) for _ in range(3)]

    first, second, third = run(job).value
    assert first == second == third


@pytest.mark.matrix
def test_no_reuse_takes_new_workers_and_leaves_none(run):
    def job(spark):
        return [pids(spark) for _ in range(3)], mixture(spark)

    rounds, mixed = run(job, conf={"spark.python.worker.reuse": "false"}).value
    used = [pid for one in rounds for pid in one]
    assert len(set(used)) == 6
    assert mixed == EXPECTED
    assert not survivors(used)


def test_failing_udf_without_reuse(run):
    def job(spark):
        def fail(_):
            raise ValueError("no")

        errors = 0
        for _ in range(3):
            try:
                spark.sparkContext.parallelize(range(2), 2).map(fail).collect()
            except Exception as failure:
                errors += "ValueError: no" in str(failure)
        return errors, mixture(spark)

    assert run(job, conf={"spark.python.worker.reuse": "false"}).value == (3, EXPECTED)


@pytest.mark.matrix
@pytest.mark.parametrize("reuse", ["true", pytest.param("false", marks=pytest.mark.long)])  # the same for Spark
def test_without_daemon(run, reuse):
    def job(spark):
        return [pids(spark) for _ in range(2)], mixture(spark)

    rounds, mixed = run(job, conf={**NO_DAEMON, "spark.python.worker.reuse": reuse}).value
    used = [pid for one in rounds for pid in one]
    assert len(set(used)) == 4
    assert mixed == EXPECTED
    assert not survivors(used)


@pytest.mark.alike("processes, and nothing of Spark's")
def test_failing_and_dying_without_daemon(run):
    def job(spark):
        def fail(_):
            raise ValueError("no")

        def die(_):
            import os

            os._exit(3)

        errors = []
        for function in (fail, die):
            try:
                spark.sparkContext.parallelize([1], 1).map(function).collect()
            except Exception as failure:
                errors.append(str(failure))
        return errors, spark.sparkContext.parallelize(range(10), 2).map(str).count()

    errors, counted = run(job, conf=NO_DAEMON).value
    assert "ValueError: no" in errors[0]
    assert "crashed" in errors[1] or (VERSION < (4, 0) and "Connection reset" in errors[1])
    assert counted == 10


@pytest.mark.native_only("stock Spark leaves Python's socket with a timeout of 15 s")
def test_without_daemon_a_task_may_be_silent_for_long(run):
    def job(spark):
        def timeouts(_):
            import gc
            import socket

            found = [one.gettimeout() for one in gc.get_objects() if isinstance(one, socket.socket)]
            return [one for one in found if one is not None]

        return spark.sparkContext.parallelize([1], 1).map(timeouts).collect()[0]

    seconds = run(job, conf=NO_DAEMON).value
    assert seconds and min(seconds) > 24 * 3600


@pytest.mark.since(4, 1)
@pytest.mark.parametrize(
    "other",
    [{}, SLOW_WITHOUT_DAEMON, pytest.param({"spark.python.worker.reuse": "false"}, marks=pytest.mark.long)],
    ids=["", "simple", "fresh"],
)
def test_unix_domain_sockets(run, other):
    def job(spark):
        return environment_of_a_worker(spark), mixture(spark)

    environment, mixed = run(job, conf={**UDS, **other}).value
    assert mixed == EXPECTED
    assert environment["PYTHON_UNIX_DOMAIN_ENABLED"] == "True"
    assert "PYTHON_WORKER_FACTORY_SECRET" not in environment


@pytest.mark.since(4, 1)
def test_unix_domain_sockets_leave_no_file(run):
    with tempfile.TemporaryDirectory() as where:  # Spark wants a short path
        conf = {**UDS, "spark.python.unix.domain.socket.dir": where}
        assert run(mixture, conf=conf, stop=True).value == EXPECTED
        assert eventually(lambda: not os.listdir(where)), os.listdir(where)


@pytest.mark.since(4, 3)
@pytest.mark.parametrize("other", [{}, UDS, SLOW_WITHOUT_DAEMON], ids=["", "unix", "simple"])
def test_pipelined(run, other):
    def job(spark):
        def fail(_):
            raise ValueError("no")

        from pyspark.sql.functions import udf

        try:
            spark.range(0, 1000, 1, 2).select(udf(fail, "long")("id")).collect()
        except Exception as failure:
            error = str(failure)
        return mixture(spark), mixture(spark), error, pids(spark)

    first, second, error, used = run(job, conf={**PIPELINED, **other}).value
    assert first == second == EXPECTED
    assert "ValueError: no" in error
    assert len(set(used)) == 2


def test_custom_daemon_module(run, tmp_path):
    (tmp_path / "own_daemon.py").write_text(
        "import os\n"
        "os.environ['OWN_DAEMON'] = str(os.getpid())\n"
        "from pyspark import daemon\n"
        "if __name__ == '__main__':\n"
        "    daemon.manager()\n"
    )

    def job(spark):
        def ask(_):
            import os

            return os.environ["OWN_DAEMON"] == str(os.getppid())

        return spark.sparkContext.parallelize(range(2), 2).map(ask).collect(), mixture(spark), pids(spark), pids(spark)

    conf = {"spark.python.daemon.module": "own_daemon", "spark.executorEnv.PYTHONPATH": str(tmp_path)}
    marks, mixed, first, second = run(job, conf=conf).value
    assert marks == [True, True]
    assert mixed == EXPECTED
    assert set(first) == set(second)


def test_custom_worker_module_without_daemon(run, tmp_path):
    (tmp_path / "own_worker.py").write_text(
        "import os, runpy\n"
        "os.environ['OWN_WORKER'] = 'yes'\n"
        "if __name__ == '__main__':\n"
        "    runpy.run_module('pyspark.worker', run_name='__main__', alter_sys=True)\n"
    )
    conf = {
        **NO_DAEMON,
        "spark.python.worker.module": "own_worker",
        "spark.executorEnv.PYTHONPATH": str(tmp_path),
    }
    assert run(environment_of_a_worker, conf=conf).value["OWN_WORKER"] == "yes"


def test_memory_limit(run):
    def job(spark):
        def limit(_):
            import resource

            return resource.getrlimit(resource.RLIMIT_AS)[0]

        return spark.sparkContext.parallelize([0], 1).map(limit).first()

    # Spark divides the executor's memory by its cores.
    assert run(job, conf={"spark.executor.pyspark.memory": "4g", "spark.executor.cores": "2"}).value == 2 << 30


@pytest.mark.since(4, 1)
def test_pool_bound(run):
    def job(spark):
        return pids(spark, 4), pids(spark, 4), mixture(spark)

    conf = {**FOUR_CORES, "spark.python.factory.idleWorkerMaxPoolSize": "1"}
    outcome = run(job, conf=conf)
    first, second, mixed = outcome.value
    assert len(set(first)) == len(set(second)) == 4
    assert mixed == EXPECTED

    def alive():
        return [pid for pid in {*first, *second} if process(pid)]

    assert eventually(lambda: len(alive()) <= 1), alive()


@pytest.mark.native_only("stock Spark's 60 s cannot be changed")
def test_idle_workers_expire(run):
    conf = {**FOUR_CORES, "spark.nativePythonWorker.idleTimeout": "2s"}

    def job(spark):
        return pids(spark, 4)

    used = run(job, conf=conf).value
    assert not survivors(used)
    assert run(mixture, conf=conf).value == EXPECTED


@pytest.mark.alike("processes, and nothing of Spark's")
@pytest.mark.native_only("stock Spark's 60 s cannot be changed")
def test_busy_worker_does_not_expire(run):
    conf = {**FOUR_CORES, "spark.nativePythonWorker.idleTimeout": "1s"}

    def job(spark):
        def slow(_):
            import os
            import time

            time.sleep(4)
            return os.getpid()

        return spark.sparkContext.parallelize(range(2), 2).map(slow).collect()

    assert len(set(run(job, conf=conf).value)) == 2


def test_executor_environment_reaches_workers(run):
    conf = {"spark.executorEnv.OWN_VARIABLE": "ü and spaces = fine", "spark.executorEnv.OMP_NUM_THREADS": "3"}
    environment = run(environment_of_a_worker, conf=conf).value
    assert environment["OWN_VARIABLE"] == "ü and spaces = fine"
    assert environment["OMP_NUM_THREADS"] == "3"

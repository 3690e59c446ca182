"""Python that fails, dies or is told to stop: Spark's own errors, no harm to other tasks, nothing left running."""

import os
import re

import pytest
from faults import causes, left_behind
from processes import survivors

from harness import NOTHING_TO_LOAD, VERSION

CRASHED = "Python worker exited unexpectedly (crashed)"


def normal(text):
    """An error text without what differs between two runs of the same job."""
    text = re.sub(r"\(TID \d+\)|\(TID: \d+\)", "(TID)", text)
    text = re.sub(r"stage \d+\.\d+", "stage", text)
    text = re.sub(r"o\d+\.", "o.", text)
    text = re.sub(r"\$Lambda[^\s(]*", "Lambda", text)
    text = re.sub(r"(Thread|Worker|GatewayConnection|ClientServerConnection)[-\w]*\.java:\d+", "thread", text)
    # The JVM generates code for what is called often.
    return re.sub(r"\n\s*at (java\.base/)?jdk\.internal\.reflect\.[^\n]*", "", text)


def raising_rdd(spark):
    def fail(n):
        raise ValueError(f"no {n} today")

    spark.sparkContext.parallelize([7], 1).map(fail).collect()


def raising_udf(spark):
    from pyspark.sql.functions import udf

    @udf("long")
    def fail(n):
        return 1 // n

    spark.range(0, 1, 1, 1).select(fail("id")).collect()


def raising_pandas_udf(spark):
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    @pandas_udf("long")
    def fail(column: pd.Series) -> pd.Series:
        raise KeyError("pandas")

    spark.range(0, 1, 1, 1).select(fail("id")).collect()


def missing_module(spark):
    class Unpicklable:
        def __reduce__(self):
            return __import__, ("module_that_is_not_there",)

    thing = Unpicklable()
    spark.sparkContext.parallelize([1], 1).map(lambda _: thing).collect()


def exiting(spark):
    def leave(_):
        raise SystemExit(5)

    spark.sparkContext.parallelize([1], 1).map(leave).collect()


@pytest.mark.matrix
@pytest.mark.parametrize("job", [raising_rdd, raising_udf, raising_pandas_udf, missing_module, exiting])
def test_error_text_equals_stock(run, stock, job):
    ours, theirs = run(job), stock.run(job)
    assert ours.error is not None
    assert normal(ours.error) == normal(theirs.error)


@pytest.mark.matrix
def test_worker_serves_on_after_a_failed_task(run):
    def job(spark):
        from pyspark.sql.functions import udf

        odd = udf(lambda n: 1 // (n % 2), "long")
        failures = 0
        for _ in range(5):
            try:
                spark.range(0, 4, 1, 2).select(odd("id")).collect()
            except Exception:
                failures += 1
        return failures, spark.sparkContext.parallelize(range(10), 2).map(lambda n: n).sum()

    assert run(job).value == (5, 45)


def dying_by(how):
    """A job whose second stage loses its worker in the way that `how` names, and what the job's error says."""

    def job(spark):
        import threading
        import time

        def die(n):
            import ctypes
            import signal

            if how == "os._exit":
                os._exit(3)
            elif how == "SIGKILL":
                os.kill(os.getpid(), signal.SIGKILL)
            elif how == "SIGTERM":
                os.kill(os.getpid(), signal.SIGTERM)
            ctypes.string_at(0)

        def slow(n):
            time.sleep(3)
            return os_pid()

        def os_pid():

            return os.getpid()

        sc = spark.sparkContext
        others = []
        neighbour = threading.Thread(target=lambda: others.extend(sc.parallelize(range(1), 1).map(slow).collect()))
        neighbour.start()
        time.sleep(1)
        error = None
        try:
            sc.parallelize([1], 1).map(die).collect()
        except Exception as failure:
            error = str(failure)
        neighbour.join()
        after = sc.parallelize(range(10), 2).map(lambda n: n).sum()
        return error, len(others), after

    return job


CASES = {"os._exit": 8, "SIGKILL": 6, "SIGTERM": 6, "segmentation fault": 7}
ENDS = {
    "os._exit": "exited with code 3",
    "SIGKILL": "was killed by signal 9 (SIGKILL)",
    "SIGTERM": "was killed by signal 15 (SIGTERM)",
    "segmentation fault": "was killed by signal 11 (SIGSEGV",
}


@pytest.mark.matrix
@pytest.mark.parametrize("how", ENDS)
def test_dead_worker_fails_its_task_only(run, how, is_native, observe):
    # How a worker has ended is not known in time while the zygote imports.
    outcome = run(dying_by(how), conf=NOTHING_TO_LOAD)
    error, others, after = outcome.value
    # Spark 3.5 passes a reset connection through as it is.
    assert CRASHED in error or (not is_native and VERSION < (4, 0) and "Connection reset" in error)
    assert (others, after) == (1, 45)
    observe(CASES[how], f"{how}: {causes(error)[-1]}")
    if is_native:
        assert ENDS[how] in error
        assert outcome.logged(rf"WARN PythonWorkerFactory: Python worker .*{re.escape(ENDS[how])}")


@pytest.mark.matrix
@pytest.mark.native_only("stock Spark does not know what a worker has written last")
@pytest.mark.parametrize("conf", [NOTHING_TO_LOAD, {"spark.python.use.daemon": "false"}], ids=["", "simple"])
def test_last_words_are_in_the_error(run, conf):
    def job(spark):
        def die(_):
            import sys

            print("disk full, giving up", file=sys.stderr, flush=True)
            os._exit(1)

        try:
            spark.sparkContext.parallelize([1], 1).map(die).collect()
        except Exception as failure:
            return str(failure)

    error = run(job, conf=conf).value
    assert "exited with code 1. The end of its standard error:\n" in error
    assert "disk full, giving up" in error


@pytest.mark.native_only("stock Spark does not know whom it has killed")
def test_no_death_that_spark_wanted_is_a_warning(run):
    def job(spark):
        sc = spark.sparkContext
        assert sc.parallelize(range(1000), 4).map(lambda n: n).take(1) == [0]
        return sc.parallelize(range(10), 2).map(lambda n: n).sum()

    confs = [{"spark.python.worker.reuse": reuse} for reuse in ("true", "false")]
    run(lambda spark: None, conf=confs[0])  # with which what is left to be told of earlier tests has been
    for conf in confs:
        outcome = run(job, conf=conf)
        assert outcome.value == 45
        assert not re.search(r"WARN PythonWorkerFactory: Python worker", outcome.log)


def test_udf_killed_by_signal_in_sql(run):
    def job(spark):
        from pyspark.sql.functions import pandas_udf

        @pandas_udf("long")
        def die(column):
            import signal

            os.kill(os.getpid(), signal.SIGKILL)

        try:
            spark.range(0, 2, 1, 2).select(die("id")).collect()
        except Exception as failure:
            error = str(failure)
        return error, spark.range(0, 10, 1, 2).mapInPandas(lambda it: it, "id long").count()

    error, count = run(job).value
    assert CRASHED in error or (VERSION < (4, 0) and "Connection reset" in error)
    assert count == 10


def cancelled(where, interrupt, work):
    """A job that starts a task, cancels it while its worker is at `work`, and runs another."""

    def job(spark):
        import time

        from pyspark import InheritableThread

        def forever(_):
            with open(os.path.join(where, "pid.new"), "w") as out:
                out.write(str(os.getpid()))
            os.rename(os.path.join(where, "pid.new"), os.path.join(where, "pid"))
            if work == "sleep":
                time.sleep(600)
            while True:
                pass

        sc = spark.sparkContext
        errors = []

        def start():
            sc.setJobGroup("doomed", "to be cancelled", interruptOnCancel=interrupt)
            try:
                sc.parallelize([1], 1).map(forever).collect()
            except Exception as failure:
                errors.append(str(failure))

        thread = InheritableThread(target=start)
        thread.start()
        while not os.path.exists(os.path.join(where, "pid")):
            time.sleep(0.05)
        sc.cancelJobGroup("doomed")
        thread.join(60)
        after = sc.parallelize(range(10), 2).map(lambda n: n).sum()
        with open(os.path.join(where, "pid")) as saved:
            return int(saved.read()), errors, after, thread.is_alive()

    return job


@pytest.mark.parametrize("interrupt", [False, True], ids=["", "interrupt"])
@pytest.mark.parametrize("work", ["sleep", "loop"])
def test_cancelled_job_takes_its_worker_with_it(run, tmp_path, interrupt, work):
    pid, errors, after, hanging = run(cancelled(str(tmp_path), interrupt, work)).value
    assert not hanging
    assert "cancelled" in errors[0]
    assert after == 45
    assert not survivors([pid])


def cancelled_while_jvm_computes(file):
    """A job that is cancelled while its task computes, and its worker is ahead of it; and another job."""

    def job(spark):
        import threading
        import time

        import pandas as pd
        from pyspark import InheritableThread
        from pyspark.sql.functions import expr

        def ahead(parts):
            yield from parts
            yield pd.DataFrame({"n": range(100_000)})  # too much for the buffer: what is there is sent
            with open(f"{file}.new", "w") as out:
                out.write(str(os.getpid()))
            os.rename(f"{file}.new", file)
            while True:
                pass

        def start():
            spark.sparkContext.setJobGroup("doomed", "to be cancelled", interruptOnCancel=True)
            try:
                frame = spark.range(0, 1, 1, 1).selectExpr("id as n").mapInPandas(ahead, "n long")
                inner = "aggregate(sequence(1, 3000), n, (a, x) -> a + x)"
                frame.select(expr(f"aggregate(sequence(1, 5000), 0L, (a, x) -> a + {inner})")).collect()
            except Exception:
                ended.set()

        ended = threading.Event()
        thread = InheritableThread(target=start)
        thread.start()
        while not os.path.exists(file):
            time.sleep(0.05)
        time.sleep(0.5)
        spark.sparkContext.cancelJobGroup("doomed")
        thread.join(60)
        return ended.is_set(), spark.sparkContext.parallelize(range(10), 2).map(lambda n: n).sum()

    return job


@pytest.mark.alike("processes, and nothing of Spark's")
def test_worker_that_is_ahead_of_its_cancelled_task_is_killed(run, tmp_path, is_native, observe):
    file = tmp_path / "pid"
    conf = {"spark.nativePythonWorker.closeTimeout": "10min"}  # it does not come to that
    assert run(cancelled_while_jvm_computes(str(file)), conf=conf).value == (True, 45)
    left, told = left_behind([int(file.read_text())], is_native)
    observe(45, f"cancelled while the JVM computes: {told}")
    assert not (is_native and left)  # stock Spark closes it, and kills it only where it sees in time that it has to


def let_go(file, how):
    """A job whose task lets go of its worker while that goes on by itself, and another job."""

    def job(spark):
        import time

        import pandas as pd

        def endless(parts):
            with open(file, "w") as out:
                out.write(str(os.getpid()))
            yield from parts
            yield pd.DataFrame({"text": ["x" * 100_000]})  # too much for the buffer: what is there is sent
            while how == "loop":
                pass
            time.sleep(600)

        first = spark.createDataFrame([("first",)], "text string").coalesce(1).mapInPandas(endless, "text string")
        assert first.take(1) == [("first",)]
        return spark.sparkContext.parallelize(range(10), 2).map(lambda n: n).sum()

    return job


@pytest.mark.alike("processes, and nothing of Spark's")
@pytest.mark.parametrize("daemon", ["true", "false"], ids=["", "simple"])
@pytest.mark.parametrize("how", [pytest.param("sleep", marks=pytest.mark.long), "loop"])
def test_worker_that_goes_on_without_its_task_is_killed(run, tmp_path, is_native, observe, how, daemon):
    file = tmp_path / "pid"
    conf = {"spark.python.use.daemon": daemon, "spark.nativePythonWorker.closeTimeout": "2s"}
    outcome = run(let_go(str(file), how), conf=conf)
    assert outcome.value == 45
    left, told = left_behind([int(file.read_text())], is_native)
    observe(45, f"{how}, {'forked' if daemon == 'true' else 'started'}: {told}")
    assert bool(left) != is_native  # stock Spark lets it go on


def test_child_processes_of_a_udf_work(run):
    def job(spark):
        def ask(n):
            import multiprocessing
            import subprocess

            text = subprocess.run(["echo", str(n)], capture_output=True, text=True, check=True).stdout
            with multiprocessing.get_context("fork").Pool(1) as pool:
                return int(text) + pool.apply(abs, (-1,))

        return spark.sparkContext.parallelize(range(4), 2).map(ask).collect()

    assert run(job).value == [1, 2, 3, 4]

"""What workers say (prints, logs, tracebacks of a crash) comes out where Spark puts it."""

import re

import pytest

LOGGING = {"spark.sql.pyspark.worker.logging.enabled": "true"}


def test_worker_output_reaches_the_log(run):
    def job(spark):
        def speak(n):
            import sys

            print(f"said {n} on stdout", flush=True)
            print(f"said {n} on stderr", file=sys.stderr, flush=True)
            return n

        return spark.sparkContext.parallelize([1], 1).map(speak).collect()

    outcome = run(job)
    assert outcome.value == [1]
    assert outcome.logged("said 1 on stdout")
    assert outcome.logged("said 1 on stderr")


def test_much_worker_output_is_all_there(run):
    def job(spark):
        def speak(n):
            import os

            for line in range(5000):
                os.write(2, b"%06d on stderr %s\n" % (line, b"x" * 100))
                os.write(1, b"%06d on stdout %s\n" % (line, b"x" * 100))
            return n

        return spark.sparkContext.parallelize([1], 1).map(speak).collect()

    outcome = run(job)
    assert outcome.value == [1]
    assert outcome.logged("004999 on stdout") and outcome.logged("004999 on stderr")
    for stream in ("stdout", "stderr"):
        assert len(re.findall(rf"\d{{6}} on {stream}", outcome.log)) == 5000


@pytest.mark.parametrize("reuse", ["true", "false"])
def test_faulthandler_tells_where_a_worker_crashed(run, reuse):
    def job(spark):
        def crash_here(_):
            import ctypes

            return ctypes.string_at(0)

        try:
            spark.sparkContext.parallelize([1], 1).map(crash_here).collect()
        except Exception as failure:
            return str(failure)

    conf = {"spark.python.worker.faulthandler.enabled": "true", "spark.python.worker.reuse": reuse}
    error = run(job, conf=conf).value
    assert "Python worker exited unexpectedly (crashed): Fatal Python error: Segmentation fault" in error
    assert "in crash_here" in error


@pytest.mark.since(4, 0)
def test_faulthandler_in_sql(run):
    def job(spark):
        from pyspark.sql.functions import udf

        def crash_here(_):
            import ctypes

            return ctypes.string_at(0)

        spark.conf.set("spark.sql.execution.pyspark.udf.faulthandler.enabled", "true")
        try:
            spark.range(1).select(udf(crash_here)("id")).collect()
        except Exception as failure:
            return str(failure)
        finally:
            spark.conf.unset("spark.sql.execution.pyspark.udf.faulthandler.enabled")

    error = run(job).value
    assert "Fatal Python error: Segmentation fault" in error
    assert "in crash_here" in error


def logging_job(lines):
    """A job whose UDF logs so many lines in each of two tasks; gives its answer and the lines that Spark has."""

    def job(spark):
        import time

        from pyspark.sql.functions import udf

        @udf("long")
        def log(n):
            import logging

            logger = logging.getLogger("own")
            logger.setLevel(logging.INFO)
            for line in range(lines):
                logger.info("line %d of %d", line, n)
            return n

        rows = spark.range(0, 2, 1, 2).select(log("id"))
        answer = sorted(row[0] for row in rows.collect())
        query = "SELECT msg FROM python_worker_logs() WHERE logger = 'own'"
        for _ in range(100):  # a log is complete some time after the job
            logged = sorted(row.msg for row in spark.sql(query).collect())
            if len(logged) >= 2 * lines:
                break
            time.sleep(0.2)
        return answer, logged

    return job


@pytest.mark.since(4, 1)
@pytest.mark.parametrize("other", [{}, {"spark.python.worker.reuse": "false"}], ids=["", "fresh"])
def test_worker_logs_are_captured(run, other):
    answer, logged = run(logging_job(3), conf={**LOGGING, **other}).value
    assert answer == [0, 1]
    assert logged == sorted(f"line {line} of {n}" for line in range(3) for n in range(2))


@pytest.mark.since(4, 1)
@pytest.mark.native_only("stock Spark's log capture overflows its stack")
@pytest.mark.long
def test_twenty_thousand_worker_log_lines_are_captured(run):
    answer, logged = run(logging_job(20_000), conf=LOGGING).value
    assert answer == [0, 1]
    assert logged == sorted(f"line {line} of {n}" for line in range(20_000) for n in range(2))


@pytest.mark.since(4, 1)
def test_traceback_dumps_of_a_slow_worker(run):
    def job(spark):
        def slow_here(n):
            import time

            time.sleep(3)
            return n

        return spark.sparkContext.parallelize([1], 1).map(slow_here).collect()

    outcome = run(job, conf={"spark.python.worker.tracebackDumpIntervalSeconds": "1"})
    assert outcome.value == [1]
    assert outcome.logged("in slow_here")


@pytest.mark.since(4, 1)
def test_worker_that_is_silent_too_long_is_killed_on_request(run):
    def job(spark):
        def silent(_):
            import time

            time.sleep(60)

        try:
            spark.sparkContext.parallelize([1], 1).map(silent).collect()
        except Exception as failure:
            error = str(failure)
        # A worker of the next job that is slow to begin is to live.
        spark.sparkContext._jsc.sc().conf().set("spark.python.worker.killOnIdleTimeout", "false")
        return error, spark.sparkContext.parallelize(range(4), 2).sum()

    conf = {"spark.python.worker.idleTimeoutSeconds": "2", "spark.python.worker.killOnIdleTimeout": "true"}
    error, after = run(job, conf=conf).value
    assert "Python worker process terminated due to idle timeout (timeout: 2 seconds)" in error
    assert after == 6

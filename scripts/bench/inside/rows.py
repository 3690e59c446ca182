"""Rows a second through a pandas UDF: the median of some jobs after a small first one."""

from statistics import median

from clock import timed
from pyspark.sql.functions import sum as total
from udfs import pandas_function

WARM_UP_PART = 50


def measure(session, rows, jobs):
    add_one = pandas_function()

    def job(count):
        return session.range(0, count, 1).select(add_one("id").alias("value")).agg(total("value")).collect()[0][0]

    job(rows // WARM_UP_PART)
    runs = [timed(lambda: job(rows)) for _ in range(jobs)]
    assert len({result for _, result in runs}) == 1, runs
    return {"rows": rows / median(seconds for seconds, _ in runs)}, runs[0][1]

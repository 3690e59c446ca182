"""What a new worker costs where each task has one: seconds of processor until the end of its task, with what its forker does for
it, and bytes of memory that it has for itself then. The task is a pandas UDF."""

import time
from contextlib import suppress
from statistics import mean, median

import pandas
import psutil
from processes import under_jvm
from pyspark.sql.functions import pandas_udf
from udfs import ROWS_A_TASK

# For workers to end, and for spares to be forked in their place.
SETTLE_SECONDS = 3


def cost_function():
    @pandas_udf("private long, processor double")
    def cost(values: pandas.Series) -> pandas.DataFrame:
        with open("/proc/self/smaps_rollup") as rollup:
            kibibytes = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
        here = pandas.DataFrame({"private": values * 0 + kibibytes * 1024})
        here["processor"] = time.process_time()
        return here

    return cost


def forkers_seconds():
    """Of all Python processes that are there. Workers tell for themselves: Spark's daemon has the kernel forget them."""
    seconds = 0
    for one in under_jvm():
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            seconds += times.user + times.system
    return seconds


def measure(session, tasks, before):
    cost = cost_function()

    def run(count):
        frame = session.range(0, count * ROWS_A_TASK, 1, count).select(cost("id").alias("cost")).select("cost.*")
        found = frame.collect()
        time.sleep(SETTLE_SECONDS)
        return found

    run(before)
    begun = forkers_seconds()
    found = run(tasks)
    forking = (forkers_seconds() - begun) / tasks
    processor = forking + mean(row.processor for row in found)
    return {"processor": processor, "private": median(row.private for row in found)}, tasks

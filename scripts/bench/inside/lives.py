"""What a new worker costs where each task has one: seconds of processor for its whole life, with what its forker does for it, and
bytes of memory that it has for itself during its task, which is a pandas UDF."""

import time
from contextlib import suppress
from statistics import median

import pandas
import psutil
from processes import under_jvm
from pyspark.sql.functions import pandas_udf
from udfs import ROWS_A_TASK

# For workers to end, and for spares to be forked in their place.
SETTLE_SECONDS = 3


def private_function():
    @pandas_udf("long")
    def private_bytes(values: pandas.Series) -> pandas.Series:
        with open("/proc/self/smaps_rollup") as rollup:
            kibibytes = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
        return values * 0 + kibibytes * 1024

    return private_bytes


def processor_seconds():
    """Of all Python processes until now, those that have ended included."""
    seconds = 0
    for one in under_jvm():
        with suppress(psutil.NoSuchProcess):
            seconds += sum(one.cpu_times()[:4])  # the last two are of children that have ended
    return seconds


def measure(session, tasks, before):
    private_bytes = private_function()

    def run(count):
        frame = session.range(0, count * ROWS_A_TASK, 1, count).select(private_bytes("id"))
        found = [row[0] for row in frame.collect()]
        time.sleep(SETTLE_SECONDS)
        return found

    run(before)
    begun = processor_seconds()
    found = run(tasks)
    return {"processor": (processor_seconds() - begun) / tasks, "private": median(found)}, tasks

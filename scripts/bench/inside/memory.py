"""Bytes of memory (PSS) of all Python processes with so many workers alive, each after a pandas UDF.

The workers must all be there at once: each task waits until every other one has begun. With `warm`, a job of one task
goes before, and some seconds for the native factory to load what it loads ahead. Of several jobs the last one's workers count.
"""

import tempfile
import time

import pandas
from clock import timed
from processes import pss, under_jvm
from pyspark.sql.functions import pandas_udf

LIMIT_SECONDS = 120
# For modules to be loaded ahead, for spares to be forked anew, for allocators to calm down.
SETTLE_SECONDS = 5


def meeting(folder, workers, import_first):
    """A UDF that imports a module and returns its process id once as many processes as there are workers have come to the folder."""

    @pandas_udf("long")
    def meet(values: pandas.Series) -> pandas.Series:
        import importlib
        import os

        importlib.import_module(import_first)
        open(os.path.join(folder, str(os.getpid())), "w").close()
        deadline = time.monotonic() + LIMIT_SECONDS
        while len(os.listdir(folder)) < workers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(os.listdir(folder))} of {workers} workers within {LIMIT_SECONDS} s")
            time.sleep(0.01)
        return values * 0 + os.getpid()

    return meet


def meet_all(session, workers, import_first="pandas"):
    """Has so many workers serve a job at once. Returns the seconds that took, and their process ids."""
    with tempfile.TemporaryDirectory() as folder:
        frame = session.range(0, workers, 1, workers).select(meeting(folder, workers, import_first)("id"))
        seconds, rows = timed(frame.collect)
    time.sleep(SETTLE_SECONDS)
    return seconds, {row[0] for row in rows}


def measure(session, workers, warm, jobs):
    if warm:
        meet_all(session, 1)
    first, pids = meet_all(session, workers)
    for _ in range(jobs - 1):
        _, pids = meet_all(session, workers)
    return {"first": first, **measured(pids, workers)}, len(pids)


def measured(pids, workers):
    """The memory, with the workers that had these process ids."""
    processes = under_jvm()
    missing = pids - {one.pid for one in processes}
    assert len(pids) == workers and not missing, f"workers {pids}, gone: {missing}"
    return {"pss": sum(map(pss, processes)), "processes": len(processes)}

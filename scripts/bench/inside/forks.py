"""Many forks from one preloaded zygote: every task is a new process that uses pandas, Arrow, BLAS and threads.

Fails where a task gives a wrong value, hangs, dies, or was not forked by the one zygote; and where processes,
descriptors, threads or the zygote's memory grow with the number of forks.
"""

import sys
import time
from dataclasses import asdict

from exercise import SCHEMA, exercise_function
from snapshot import look, settle
from watchdog import limit

TASKS_A_JOB = 250  # half of the forks, if that is less
# Imported by the first conversion only, which the zygote rehearses when it has loaded everything.
LAST_LOADED = "pyarrow.vendored.version"
# A job takes some seconds. exercise.py has the limit of a task; this is for what hangs outside of it.
JOB_SECONDS = 300
# Before the first look, for spares to be there.
PAUSE_SECONDS = 5
WARM_UP_JOBS = 2
LINES = 50


def job(session, tasks):
    """One process a task. Returns the one parent of all of them, and the one value they found."""
    with limit("a job", JOB_SECONDS):
        rows = session.range(0, tasks, 1, tasks).mapInPandas(exercise_function(), SCHEMA).collect()
    pids, parents, values = ({row[column] for row in rows} for column in range(3))
    assert len(rows) == len(pids) == tasks, f"{tasks} tasks, {len(rows)} rows of {len(pids)} processes"
    assert len(parents) == 1, f"forked by {parents}"
    assert len(values) == 1, f"values differ: {values}"
    return parents.pop(), values.pop()


def await_imports(session):
    """Until the zygote has loaded everything: while it is busy with that, some workers are of PySpark's daemon."""

    def has_all(_):
        import pyarrow

        return pyarrow is not None and LAST_LOADED in sys.modules

    one = session.sparkContext.parallelize([0], 1)
    with limit("loading ahead", JOB_SECONDS):
        while not one.map(has_all).first():
            time.sleep(0.2)


def warm_up(session, tasks):
    """What is there once the zygote has loaded everything and some jobs have run: its process id, a task's value, and a snapshot."""
    await_imports(session)
    zygote, value = job(session, tasks)
    for _ in range(WARM_UP_JOBS - 1):
        job(session, tasks)
    time.sleep(PAUSE_SECONDS)
    return zygote, value, look(zygote)


def repeat(session, forks, tasks, zygote, value):
    """Jobs of `tasks` until there were so many forks, with some lines of progress. Returns the seconds they took."""
    started, done, jobs = time.monotonic(), 0, 0
    jobs_a_line = max(1, forks // tasks // LINES)
    while done < forks:
        of_job = min(tasks, forks - done)
        assert job(session, of_job) == (zygote, value), "another zygote, or another value, than at first"
        done, jobs = done + of_job, jobs + 1
        if jobs % jobs_a_line == 0 or done == forks:
            rate = done / (time.monotonic() - started)
            left = (forks - done) / rate / 60
            print(f"{done:7,d} of {forks:,d} forks, {rate:.0f} a second, {left:.0f} min left: {look(zygote)}", flush=True)
    return time.monotonic() - started


def measure(session, forks):
    tasks = min(TASKS_A_JOB, max(1, forks // 2))
    zygote, value, before = warm_up(session, tasks)
    print(f"after {WARM_UP_JOBS * tasks} forks that are not counted: {before}", flush=True)
    seconds = repeat(session, forks, tasks, zygote, value)
    after = settle(lambda: zygote, before)
    grown = after.grown(before)
    assert not grown, f"grown after {forks} forks: {'; '.join(grown)}"
    return {"forks": forks, "seconds": seconds}, {"before": asdict(before), "after": asdict(after)}

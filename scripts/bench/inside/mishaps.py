"""What a busy executor lives through: jobs of all kinds, sessions, and what goes wrong with them.

Each takes the Spark context and a random generator, checks what Spark's user would see of it, and returns nothing. A task
is tried again by Spark, so a job whose workers are killed by somebody else still gives its result.
"""

import os
import re
import signal
import time
from contextlib import contextmanager, suppress

import pandas
import psutil
from processes import parent_of, under_jvm
from pyspark import InheritableThread
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

TASKS = 8
# Pids of what somebody has killed here, and of what died with it.
killed = set()
# A variable that makes another session of it: a factory of its own, and nothing else.
SESSION_VARIABLE = "PYSPARK_PLANNER_MEMORY_MB"


def plain_job(context, random):
    rows = random.randrange(100, 1000)
    assert context.parallelize(range(rows), TASKS).map(lambda n: n + 1).sum() == rows * (rows + 1) // 2


def pandas_job(context, random):
    @pandas_udf("long")
    def add_one(values: pandas.Series) -> pandas.Series:
        return values + 1

    rows = random.randrange(100, 1000)
    frame = SparkSession.active().range(0, rows, 1, TASKS).select(add_one("id"))
    assert sum(row[0] for row in frame.collect()) == rows * (rows + 1) // 2


def burst(context, random):
    tasks = 64
    assert context.parallelize(range(tasks), tasks).map(lambda n: n).sum() == sum(range(tasks))


def session(context, random):
    """A session that was not there before, and does not come back."""
    with in_session(context, random.randrange(1 << 30)):
        plain_job(context, random)


@contextmanager
def in_session(context, name):
    """A job of another thread that begins meanwhile may be of this session, too; it does not matter which one it is of."""
    others = {key: value for key, value in context.environment.items() if key != SESSION_VARIABLE}
    # Another dictionary each time: other threads are reading the one that is there.
    context.environment = {**others, SESSION_VARIABLE: str(name)}
    try:
        yield
    finally:
        context.environment = others


def crash(context, random):
    """Workers that die in the middle of their first attempt, in several ways."""
    how = random.choice([signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, None])

    def work(n):
        from pyspark import TaskContext

        if n % 3 == 0 and TaskContext.get().attemptNumber() == 0:
            os._exit(7) if how is None else os.kill(os.getpid(), how)
        return n

    assert context.parallelize(range(TASKS), TASKS).map(work).sum() == sum(range(TASKS))


def failure(context, random):
    """Spark tells the end of the last attempt only, and that attempt's worker may be one of those that are killed here."""
    before = len(killed)
    try:
        context.parallelize(range(TASKS), TASKS).map(lambda n: 1 // 0).collect()
    except Exception as failed:
        assert "ZeroDivisionError" in str(failed) or tells_of_a_kill(str(failed), before), failed
    else:
        raise AssertionError("a job that fails was said to have worked")


def tells_of_a_kill(error, before):
    """Whether an error says that a worker was killed, or does not know how it ended, and this worker was killed here.

    A zygote that imports tells nothing; then it names no worker either, and one was killed since there were `before` of them.
    """
    told = re.findall(r"Python worker \d+ \(pid (\d+)\) (?:was killed|ended; only the daemon)", error)
    if told:
        return killed.issuperset(map(int, told))
    return "Python worker exited unexpectedly (crashed)" in error and len(killed) > before


def cancel(context, random):
    group = f"doomed-{random.randrange(1 << 60)}"

    def run():
        context.setJobGroup(group, "to be cancelled", interruptOnCancel=True)
        with suppress(Exception):  # being cancelled, if it was not done before
            context.parallelize(range(TASKS), TASKS).map(lambda n: time.sleep(0.1) or n).collect()

    doomed = InheritableThread(target=run)
    doomed.start()
    time.sleep(random.uniform(0, 0.4))
    context.cancelJobGroup(group)
    doomed.join()


def unread(context, random):
    """A task that stops reading in the middle of its input, so that its worker can't be used again."""
    rows = context.parallelize(list(range(100_000)), 1)
    first = rows.mapPartitions(lambda rows: [next(iter(rows))]).collect()
    assert first == [0]


def kill_worker(context, random):
    """Somebody kills a worker, or what else has no child."""
    below = under_jvm()
    parents = {parent_of(one) for one in below}
    childless = [one for one in below if one.pid not in parents]
    if childless:
        with suppress(psutil.NoSuchProcess):
            kill(random.choice(childless))


def kill_zygote(context, random):
    with suppress(psutil.NoSuchProcess):
        kill(psutil.Process(zygote(context)))


def kill(victim):
    killed.update(one.pid for one in (victim, *victim.children(recursive=True)))
    victim.kill()


def stop_zygote(context, random):
    """The zygote hangs, as on a disk that does not answer, and comes back if it has not been replaced."""
    with suppress(psutil.NoSuchProcess):
        hung = psutil.Process(zygote(context))
        hung.suspend()
        plain_job(context, random)
        hung.resume()


def zygote(context):
    """Who forks this application's workers."""
    return context.parallelize([0], 1).map(lambda _: os.getppid()).first()


# How often each comes, beside the others.
OFTEN = {
    plain_job: 20,
    pandas_job: 20,
    burst: 6,
    session: 12,
    crash: 8,
    failure: 8,
    cancel: 12,
    unread: 4,
    kill_worker: 6,
}
# These end workers of everyone, or keep all waiting for some seconds.
SELDOM = (kill_zygote, stop_zygote)

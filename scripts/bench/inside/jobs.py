"""Seconds for a job of many short tasks, a kind of UDF at a time: the median of some jobs after a first one."""

from statistics import median

from clock import timed
from udfs import FUNCTIONS, short_tasks


def measure(session, tasks, jobs):
    figures, sums = {}, {}
    for kind, function in FUNCTIONS.items():
        add_one = function()
        sums[kind] = short_tasks(session, add_one, tasks)
        runs = [timed(lambda: short_tasks(session, add_one, tasks)) for _ in range(jobs)]
        assert all(total == sums[kind] for _, total in runs), runs
        figures[kind] = median(seconds for seconds, _ in runs)
    return figures, sums

"""Seconds for a job of many short tasks, a kind of UDF at a time: the median of some jobs after some that do not count."""

from statistics import median

from clock import timed
from udfs import FUNCTIONS, short_tasks


def measure(session, tasks, before, jobs, kinds):
    figures, sums = {}, {}
    for kind in kinds.split(","):
        add_one = FUNCTIONS[kind]()
        runs = [timed(lambda: short_tasks(session, add_one, tasks)) for _ in range(before + jobs)]
        sums[kind] = runs[0][1]
        assert all(total == sums[kind] for _, total in runs), runs
        figures[kind] = median(seconds for seconds, _ in runs[before:])
    return figures, sums

"""Seconds for jobs of growing size, one each, after two of the first size. All tasks are short and run a pandas UDF."""

from clock import timed
from udfs import pandas_function, short_tasks


def measure(session, sizes):
    """`sizes` are numbers of tasks, separated by commas."""
    add_one = pandas_function()
    counts = [int(size) for size in str(sizes).split(",")]
    for _ in range(2):
        short_tasks(session, add_one, counts[0])
    figures, sums = {}, {}
    for tasks in counts:
        figures[str(tasks)], sums[str(tasks)] = timed(lambda: short_tasks(session, add_one, tasks))
    return figures, sums

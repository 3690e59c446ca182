"""Seconds for jobs of growing size, one each, after two of the smallest. All tasks are short and run a pandas UDF."""

from clock import timed
from udfs import pandas_function, short_tasks


def sizes(least, most, step):
    """least, least * step, least * step ** 2 ... up to most."""
    while least <= most:
        yield least
        least *= step


def measure(session, least, most, step):
    add_one = pandas_function()
    for _ in range(2):
        short_tasks(session, add_one, least)
    figures, sums = {}, {}
    for tasks in sizes(least, most, step):
        figures[str(tasks)], sums[str(tasks)] = timed(lambda: short_tasks(session, add_one, tasks))
    return figures, sums

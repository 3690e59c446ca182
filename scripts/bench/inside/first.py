"""Seconds for the first Python UDF of an application, one task a core, from the moment its session is up."""

from clock import timed
from udfs import FUNCTIONS, short_tasks


def measure(session, kind):
    add_one = FUNCTIONS[kind]()
    tasks = session.sparkContext.defaultParallelism
    seconds, total = timed(lambda: short_tasks(session, add_one, tasks))
    return {"first": seconds}, total

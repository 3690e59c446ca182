"""Seconds for jobs whose tasks fit a model of scikit-learn: the first job of the application, and the median of later ones.

So many before the latter do not count, while the JVM compiles its part. At the end the application lives on for as long as it
is to settle, so that it can try what its workers have imported.
"""

import time
from statistics import median

from clock import timed
from udfs import fitting_function, short_tasks


def measure(session, tasks, before, jobs, settle):
    fit = fitting_function()
    first, result = timed(lambda: short_tasks(session, fit, tasks))
    later = [timed(lambda: short_tasks(session, fit, tasks)) for _ in range(before + jobs)]
    assert all(total == result for _, total in later), later
    time.sleep(settle)
    return {"first": first, "later": median(seconds for seconds, _ in later[before:])}, result

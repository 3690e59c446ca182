"""Bytes of memory (PSS) of all Python processes with so many workers alive, each of which has fitted a model of scikit-learn."""

import time

from memory import measured, meet_all
from udfs import fitting_function, short_tasks


def measure(session, workers, settle):
    short_tasks(session, fitting_function(), 1)
    time.sleep(settle)
    meet_all(session, workers, import_first="sklearn.linear_model")
    _, pids = meet_all(session, workers, import_first="sklearn.linear_model")
    return measured(pids, workers), len(pids)

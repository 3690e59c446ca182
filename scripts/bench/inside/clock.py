"""Time on the wall."""

import time


def timed(work):
    """Seconds that a call took, and what it returned."""
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value

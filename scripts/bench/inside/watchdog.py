"""An end for what hangs, with a word of where everyone is."""

import faulthandler
import os
import threading
from contextlib import contextmanager

from processes import under_jvm


def give_up(what, seconds):
    print(f"HANG: {what} is not done after {seconds} s", flush=True)
    for one in under_jvm():
        print(f"    {one}", flush=True)
    faulthandler.dump_traceback()
    os._exit(3)


@contextmanager
def limit(what, seconds):
    """Ends this program, and Spark with it, if what is inside takes longer."""
    timer = threading.Timer(seconds, give_up, (what, seconds))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()

"""Hangs in an interpreter that is to be a zygote, and notes each that was started."""

import os
import signal
import sys

if "-c" in sys.orig_argv:  # the zygote's program, which is no module of PySpark's
    with open(os.environ["STARTS_OF_THE_TEST"], "a") as starts:
        print(os.getpid(), file=starts)
    while True:
        signal.pause()

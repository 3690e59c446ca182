"""Notes that a zygote starts, and kills it there and then, the first so many times."""

import os
import signal
import sys

if "-c" in sys.orig_argv:  # the zygote's program, which is no module of PySpark's
    with open(os.environ["STARTS_OF_THE_TEST"], "a+") as starts:
        print(os.getpid(), file=starts, flush=True)
        starts.seek(0)
        if len(starts.readlines()) <= int(os.environ["DOOMED_OF_THE_TEST"]):
            os.kill(os.getpid(), signal.SIGKILL)

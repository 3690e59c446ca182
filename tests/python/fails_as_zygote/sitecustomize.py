"""Fails in an interpreter that is to be a zygote, and notes each that was started."""

import os
import stat
import sys

if stat.S_ISSOCK(os.fstat(0).st_mode):
    with open(os.environ["STARTS_OF_THE_TEST"], "a") as starts:
        print(os.getpid(), file=starts)
    sys.stderr.write("no zygote of mine\n")
    sys.stderr.flush()
    os._exit(3)

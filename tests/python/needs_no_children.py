"""A module that takes its time, and fails in a process that has children: in a zygote that has workers, but in no worker or trial."""

import os
import time

time.sleep(0.1)
with open(f"/proc/self/task/{os.getpid()}/children") as children:
    if children.read().strip():
        raise ImportError("this process has children")

"""A module after whose import `os.fork` fails for lack of processes while there is a file of a certain name."""

import errno
import os
from pathlib import Path

DIRECTORY = Path(os.environ["DIRECTORY_OF_THE_TEST"])
really_fork = os.fork


def fork():
    if (DIRECTORY / "short").exists():
        with open(DIRECTORY / "failed", "a") as failed:
            failed.write("x")
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return really_fork()


os.fork = fork
(DIRECTORY / "loaded").touch()

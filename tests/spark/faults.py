"""How jobs go on an executor that something was done to."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil
from processes import eventually, process, survivors

GIVEN_UP = 90


@dataclass
class Seen:
    """How a job went."""

    seconds: float
    value: object = None
    error: str | None = None
    hung: bool = False

    @property
    def works(self):
        return not self.hung and self.error is None

    def __str__(self):
        if self.hung:
            return f"hangs, given up after {self.seconds:.0f} s"
        if self.works:
            return f"works, {self.seconds:.1f} s"
        return f"fails after {self.seconds:.1f} s: {causes(self.error)[-1]}"


def greedy(spark):
    """The error of a task that takes more memory than a limited group has."""

    def take(_):
        return sum(len(b"x" * (64 << 20)) for block in [[b"%d" % n * (32 << 20) for n in range(100)]] for _ in block)

    try:
        spark.sparkContext.parallelize([1], 1).map(take).collect()
    except Exception as failure:
        return str(failure)
    raise AssertionError("there was memory enough")


def causes(error):
    """The exceptions of a Java stack trace, a line each, the last of them the cause of all."""
    found = re.findall(r"^(?:Caused by: |: )?((?:java|org)\.[\w.$]+(?:Exception|Error)(?::\s+)?[^\n]*)", error, re.M)
    found = found or error.strip().splitlines() or [""]
    return [" ".join(re.sub(r"\b(?:java|org)\.[a-z.]+\.(?=[A-Z])", "", one).split())[:200] for one in found]


def told(outcome):
    """How a job went that has its outcome."""
    return "works" if outcome.error is None else f"fails: {causes(outcome.error)[-1]}"


def left_of(pids, patience=60):
    """Which of these processes are left after so many seconds at most, and in words how many run until when.

    A zombie does not run; its new parent, of whom we know nothing, reaps it in its own time.
    """

    def running():
        return [one for one in map(process, pids) if one and one.status != psutil.STATUS_ZOMBIE]

    started = time.monotonic()
    eventually(lambda: not running(), patience)
    seconds = time.monotonic() - started
    left = running()
    return left or survivors(pids, patience), f"{len(left)} of {len(pids)} processes run after {seconds:.1f} s"


def left_behind(pids, is_native):
    """As `left_of`, and ends them: stock Spark, which is given less time, leaves some for good."""
    left, told = left_of(pids, 60 if is_native else 10)
    for one in left:
        with suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
    return left, told


def attempt(driver, job, patience=GIVEN_UP, **options):
    started = time.monotonic()
    seen = Seen(0)
    try:
        seen.value = driver.run(job, timeout=patience, **options).value
    except AssertionError as lost:
        seen.hung, seen.error = "no answer" in str(lost), str(lost)
    except Exception as failure:
        seen.error = str(failure)
    seen.seconds = time.monotonic() - started
    return seen

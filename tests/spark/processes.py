"""What is known of other processes: who descends from whom, what they hold, when they are gone."""

import os
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Process:
    """A process as it was at one moment; one that has ended and was not waited for is one, too."""

    pid: int
    ppid: int
    status: str
    name: str
    command: str


KEEPER_AND_ZYGOTE = 2
FIELDS = ["pid", "ppid", "status", "name", "cmdline"]


def described(fields):
    return Process(command=" ".join(fields.pop("cmdline") or []), **fields)


def process(pid):
    """The process with this pid, or None if there is none."""
    with suppress(psutil.NoSuchProcess):
        return described(psutil.Process(pid).as_dict(FIELDS))


def descendants(pid, besides=()):
    """All descendants of a process, leaving out those of `besides`."""
    children = {}
    for one in psutil.process_iter(FIELDS):
        children.setdefault(one.info["ppid"], []).append(described(dict(one.info)))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            if child.pid not in besides:
                found.append(child)
                todo.append(child.pid)
    return found


def forkers(family):
    """Pids of those that have forked workers: parents of who has no child."""
    parents = {one.ppid for one in family}
    return {one.ppid for one in family if one.pid not in parents} & {one.pid for one in family}


def zygotes(family):
    """The same, where it is the native factory's: nothing while its zygote has no worker.

    So it is for a moment when everything is loaded, and other spares take the place of the first ones.
    """
    return forkers(family) if len(family) > KEEPER_AND_ZYGOTE else set()


def open_files(pid):
    """How many of each kind of file a process has open: {'socket': 4, 'pipe': 2, ...}."""
    kinds = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            kinds[re.sub(r":\[\d+\]$", "", os.readlink(entry))] += 1
    return kinds


def eventually(condition, timeout=60):
    """Waits until `condition()` is true and returns its value; the last, false, one after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.1)


def survivors(pids, timeout=60):
    """Which of these processes still exist, as zombies at least, after up to `timeout` seconds of waiting."""
    eventually(lambda: not any(map(process, pids)), timeout)
    return list(filter(None, map(process, pids)))

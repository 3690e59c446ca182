"""What /proc tells about processes: who descends from whom, what they hold, when they are gone."""

import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A process as /proc showed it at one moment."""

    pid: int
    parent: int
    state: str
    name: str
    command: str


def process(pid):
    """The process with this pid, or None if there is none (a zombie is one)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name, rest = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
    return Process(pid, int(rest[1]), rest[0], name, command)


def descendants(pid, besides=()):
    """All living and dead-but-unreaped descendants of a process, leaving out those of `besides`."""
    everything = [process(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    children = {}
    for one in filter(None, everything):
        children.setdefault(one.parent, []).append(one)
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            if child.pid not in besides:
                found.append(child)
                todo.append(child.pid)
    return found


def open_files(pid):
    """How many of each kind of file a process has open: {'socket': 4, 'pipe': 2, ...}."""
    kinds = Counter()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue
        kinds[re.sub(r":\[\d+\]$", "", target)] += 1
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

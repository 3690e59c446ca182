"""The processes under this application's JVM."""

import os
import re
from contextlib import suppress
from pathlib import Path

import psutil


def jvm():
    """The JVM, which spark-submit makes the parent of this program."""
    return psutil.Process(os.getppid())


def descendants(root, besides):
    """All processes that descend from `root`, but for the process `besides` and what descends from that."""
    left_out = {besides, *(one.pid for one in psutil.Process(besides).children(recursive=True))}
    return [one for one in psutil.Process(root).children(recursive=True) if one.pid not in left_out]


def under_jvm():
    """Daemon, zygote, spares and workers, dead ones that nobody has waited for too: all Python but this program."""
    return [one for one in descendants(os.getppid(), besides=os.getpid()) if "python" in name(one)]


def parent_of(one):
    """The pid of a process's parent; None if it has ended."""
    try:
        return one.ppid()
    except psutil.NoSuchProcess:
        return None


def name(one):
    try:
        return one.name()
    except psutil.NoSuchProcess:
        return ""


def thread_names(one):
    """The names of a process's threads as Linux has them, 15 characters at most, with N for each number."""
    for thread in Path(f"/proc/{one.pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            yield re.sub(r"\d+", "N", (thread / "comm").read_text().strip())


def is_zombie(one):
    try:
        return one.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pss(one):
    """Bytes of memory; of a page that n processes share, an n-th."""
    try:
        return one.memory_full_info().pss
    except psutil.NoSuchProcess:  # gone, or a zombie
        return 0

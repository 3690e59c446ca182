"""The processes under this application's JVM, as /proc shows them."""

import os
from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True)
class Process:
    """One process at one moment."""

    pid: int
    parent: int
    state: str
    command: str

    @property
    def pss(self):
        """Bytes of memory; of a page that n processes share, an n-th."""
        return self._memory("Pss:")

    @property
    def rss(self):
        """Bytes of memory; shared pages count in full."""
        return self._memory("Rss:")

    def _memory(self, field):
        try:
            lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):  # gone, or a zombie
            return 0
        return next(int(line.split()[1]) * KIB for line in lines if line.startswith(field))

    @property
    def files(self):
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


def process(pid):
    """The process with this pid, a zombie too; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
    return Process(int(pid), int(parent), state, command)


def descendants(root, besides):
    """All processes that descend from `root`, but for the process `besides` and what descends from that."""
    children = {}
    for one in filter(None, map(process, filter(str.isdigit, os.listdir("/proc")))):
        children.setdefault(one.parent, []).append(one)
    found, todo = [], [root]
    while todo:
        own = [child for child in children.get(todo.pop(), []) if child.pid != besides]
        found += own
        todo += [child.pid for child in own]
    return found


def jvm():
    """The JVM, which spark-submit makes the parent of this program."""
    return process(os.getppid())


def under_jvm():
    """Daemon, zygote, spares and workers: all Python processes of the JVM but this program."""
    return [one for one in descendants(os.getppid(), besides=os.getpid()) if "python" in one.command or one.state == "Z"]

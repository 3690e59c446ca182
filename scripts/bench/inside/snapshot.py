"""What an application's processes hold at one moment, to be compared with a later one."""

import time
from collections import Counter
from dataclasses import asdict, dataclass

import psutil
from processes import is_zombie, jvm, thread_names, under_jvm

# What may be more later without being a leak: the JVM's pools of threads grow a little, and so does what it compiles. All of
# its heap is there from the start, so what grows is outside of it.
ALLOWED = {
    "processes": 0,
    "zombies": 0,
    "jvm_files": 16,
    "jvm_threads": 16,
    "jvm_mib": 128,
    "zygote_files": 0,
    "zygote_mib": 16,
}
# Spark's two pools for removing broadcasts and the like: up to 100 threads each, as many as there ever were removals at once.
# Which part of a run first needs them all is chance, and small jobs keep them busy in turn, so that none ever ends.
SPARKS_POOLS = "block-manager-"
# For what goes by itself: the JVM keeps unused threads for a minute.
SETTLE_SECONDS = 90


@dataclass(frozen=True)
class Snapshot:
    """Counts, and memory (RSS) in MiB. `thread_names` says what the JVM's threads are."""

    processes: int
    zombies: int
    jvm_files: int
    jvm_threads: int
    jvm_mib: int
    zygote_files: int
    zygote_mib: int
    thread_names: dict[str, int]

    def grown(self, before):
        """What is more than before by more than it may be, in words."""
        new, old = asdict(self), asdict(before)
        grown = [name for name, more in ALLOWED.items() if new[name] > old[name] + more]
        told = [f"{name}: {old[name]}, then {new[name]}" for name in grown]
        if "jvm_threads" in grown:
            told.append(f"threads that are more: {dict(Counter(self.thread_names) - Counter(before.thread_names))}")
        return told

    def __str__(self):
        return (
            f"zygote {self.zygote_mib} MiB, {self.zygote_files} files; JVM {self.jvm_mib} MiB, {self.jvm_files} files, "
            f"{self.jvm_threads} threads; {self.processes} Python processes, {self.zombies} zombies"
        )


def look(zygote):
    """A snapshot, with the zygote of this process id."""
    assert psutil.pid_exists(zygote), f"the zygote (pid {zygote}) is gone"
    java, parent, below = jvm(), psutil.Process(zygote), under_jvm()
    threads = counted_threads(java)
    return Snapshot(
        processes=len(below),
        zombies=sum(map(is_zombie, below)),
        jvm_files=java.num_fds(),
        jvm_threads=sum(threads.values()),
        jvm_mib=java.memory_info().rss >> 20,
        zygote_files=parent.num_fds(),
        zygote_mib=parent.memory_info().rss >> 20,
        thread_names=threads,
    )


def counted_threads(one):
    """How many threads of each name a process has, without those of Spark's pools."""
    return dict(Counter(name for name in thread_names(one) if not name.startswith(SPARKS_POOLS)))


def settle(zygote, before):
    """The last snapshot, once nothing is left that is more than before, or after some seconds; `zygote` gives its pid."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        after = look(zygote())
        if not after.grown(before) or time.monotonic() > deadline:
            return after
        time.sleep(0.2)

"""What counts as grown between two looks at an application."""

from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread, get_native_id

import psutil
import snapshot

BEFORE = snapshot.Snapshot(
    processes=9,
    zombies=0,
    jvm_files=400,
    jvm_threads=90,
    jvm_mib=1400,
    zygote_files=8,
    zygote_mib=120,
    thread_names={"Thread-N": 90},
)


@contextmanager
def threads(names):
    """Threads of this process, with these names for Linux, which keeps 15 characters."""
    begun, ended = Barrier(len(names) + 1), Barrier(len(names) + 1)

    def live(name):
        Path(f"/proc/self/task/{get_native_id()}/comm").write_text(name)
        begun.wait()
        ended.wait()

    running = [Thread(target=live, args=[name]) for name in names]
    for one in running:
        one.start()
    begun.wait()
    try:
        yield
    finally:
        ended.wait()
        for one in running:
            one.join()


def test_threads_are_counted_by_name_without_those_of_sparks_pools():
    with threads(["block-manager-storage-async-thread-pool-7", "block-manager-ask-thread-pool-1", "leak-1", "leak-22"]):
        counted = snapshot.counted_threads(psutil.Process())
    assert counted["leak-N"] == 2
    assert not [name for name in counted if name.startswith("block-manager")]


def test_what_has_grown_by_more_than_it_may_is_told_with_the_names_of_new_threads():
    after = replace(BEFORE, jvm_threads=120, thread_names={"Thread-N": 95, "leak-N": 25})
    assert after.grown(BEFORE) == ["jvm_threads: 90, then 120", "threads that are more: {'Thread-N': 5, 'leak-N': 25}"]


def test_a_little_more_is_nothing():
    assert not replace(BEFORE, jvm_threads=100, jvm_files=410, thread_names={"Thread-N": 100}).grown(BEFORE)
    assert replace(BEFORE, zombies=1).grown(BEFORE) == ["zombies: 0, then 1"]

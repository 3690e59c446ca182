"""Limits of the kernel for a tree of processes, where the machine lets a test set them."""

import contextlib
from pathlib import Path

import psutil
import pytest
from processes import eventually

MOUNTS = {"memory": Path("/sys/fs/cgroup/memory"), "pids": Path("/sys/fs/cgroup/pids")}
# Of version 1 and version 2.
LIMITS = {"memory": ("memory.limit_in_bytes", "memory.max"), "pids": ("pids.max", "pids.max")}


def own_group(controller):
    """The directory of this process's group; None where there is none."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        root = Path("/sys/fs/cgroup") if controllers == "" else MOUNTS[controller]
        group = root / path.lstrip("/")
        if controller in controllers.split(",") or (controllers == "" and (group / LIMITS[controller][1]).exists()):
            return group
    return None


class Group:
    """A group of processes; what they start belongs to it, too."""

    def __init__(self, directory, controller):
        self.directory = directory
        self.controller = controller

    def limit(self, most):
        for name in LIMITS[self.controller]:
            if (self.directory / name).exists():
                (self.directory / name).write_text(str(most))
                return

    def take(self, pid):
        """Moves a process with all that descends from it here."""
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(ProcessLookupError):
                (self.directory / "cgroup.procs").write_text(str(one.pid))


@contextlib.contextmanager
def group(controller, name):
    """A group of its own under that of this process; skips the test where there can be none."""
    parent = own_group(controller)
    directory = parent and parent / name
    try:
        directory.mkdir()
    except (AttributeError, OSError) as error:
        pytest.skip(f"no cgroup for {controller} can be made here: {error}")
    try:
        yield Group(directory, controller)
    finally:
        assert eventually(lambda: not (directory / "cgroup.procs").read_text())
        directory.rmdir()

"""Limits that may bite: processes, descriptors, memory."""

import resource
from pathlib import Path

from native_python_worker.doctor.finding import OK, WARNING, Finding

GIB = 1 << 30
# What an executor's JVM has by itself, roughly.
JVM_THREADS, JVM_FILES = 250, 512
FILES_A_WORKER = 8


def look(cores):
    yield processes(cores)
    yield descriptors(cores)
    yield from memory()


def group(controller):
    """The folder of this process's cgroup that has the files of a controller, in version 2 or 1; None where there is none."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup", controller if controllers else "")
        for folder in (root / path.lstrip("/"), root):
            if any(folder.glob(f"{controller}.*")):
                return folder
    return None


def number(folder, *names):
    """The number in the first of these files that has one."""
    for name in names:
        file = folder / name if folder else None
        if file and file.is_file() and file.read_text().strip().isdigit():
            return int(file.read_text())
    return None


def processes(cores):
    # A worker has a thread for each core where Arrow or BLAS compute; spares are as many as workers.
    needed = JVM_THREADS + 2 * cores + cores * cores
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    known = [number(group("pids"), "pids.max"), None if soft == resource.RLIM_INFINITY else soft]
    limit = min((one for one in known if one is not None), default=None)
    if limit is None:
        return Finding("processes", OK, "no limit")
    text = f"at most {limit}, threads included; {cores} task slots may need {needed}"
    advice = "raise pids.max (podPidsLimit, DefaultTasksMax, ulimit -u), or set spark.nativePythonWorker.spares to 1"
    return Finding("processes", OK, text) if limit >= needed else Finding("processes", WARNING, text, advice)


def descriptors(cores):
    needed = JVM_FILES + 2 * cores * FILES_A_WORKER
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the JVM raises its own to this one
    if limit == resource.RLIM_INFINITY or limit >= needed:
        return Finding("descriptors", OK, f"at most {limit}")
    text = f"at most {limit}; {cores} task slots may need {needed}"
    return Finding("descriptors", WARNING, text, "raise the hard limit (ulimit -Hn)")


def memory():
    folder = group("memory")
    limit = number(folder, "memory.max", "memory.limit_in_bytes")
    limited = limit is not None and limit < 1 << 60
    yield Finding("memory", OK, f"a cgroup with {limit / GIB:.1f} GiB" if limited else "no limit but the machine's")
    if limited and number(folder, "memory.oom.group") == 1:
        text = "the kernel ends the whole container where memory runs out (memory.oom.group)"
        advice = "set spark.nativePythonWorker.maxRss, or spark.executor.pyspark.memory; see docs/clusters.md"
        yield Finding("memory", WARNING, text, advice)

"""What the tests submit: jobs that see to it that every task slot is in use, and tell who has served them."""

import contextlib
import itertools
import json
import os
import sys
import time

from pyspark import SparkContext

PARENT = 3  # in /proc/<pid>/stat


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[PARENT - 2])


def command_of(pid):
    with open(f"/proc/{pid}/cmdline") as command:
        return command.read().replace("\0", " ")


def who_am_i():
    """A worker that the zygote has forked has the zygote for its parent, and that has the keeper."""
    zygote = os.getppid()
    above = parent_of(zygote)
    return {
        "pid": os.getpid(),
        "zygote": "npw-zygote-keeper" in command_of(above),
        "executor": os.environ.get("CONTAINER_ID"),
        "prefix": sys.prefix,
    }


def meet(where, tasks):
    """Waits until all tasks of this job are under way, each with a worker of its own."""
    open(os.path.join(where, str(os.getpid())), "w").close()
    deadline = time.monotonic() + 120
    while len(os.listdir(where)) < tasks:
        assert time.monotonic() < deadline, "not all tasks are under way"
        time.sleep(0.02)


def in_each_slot(context, tasks, work, folder):
    """What `work` returns in each of as many tasks as there are slots."""
    os.makedirs(folder)
    return context.parallelize(range(tasks), tasks).map(lambda _: meet(folder, tasks) or work()).collect()


def plain(context, scratch):
    def work():
        import shipped  # by --py-files

        return {**who_am_i(), "shipped": shipped.VALUE}

    return in_each_slot(context, 2, work, scratch)


def archive(context, scratch):
    def work():
        import only_in_the_archive
        import pandas
        import shipped

        return {
            **who_am_i(),
            "shipped": shipped.VALUE,
            "archived": only_in_the_archive.__file__,
            "sum": int(pandas.Series([1, 2]).sum()),
        }

    return in_each_slot(context, 2, work, scratch)


def executors(context):
    return context._jsc.sc().getExecutorMemoryStatus().size() - 1  # the driver is one


def come_and_go(context, scratch):
    """Executors that leave when they have nothing to do; what was theirs is looked at from the driver, on the same machine."""
    rounds = []
    for number in range(2):
        workers = in_each_slot(context, 2, who_am_i, f"{scratch}-{number}")
        deadline = time.monotonic() + 120
        pids = [one["pid"] for one in workers]
        while executors(context) or any(os.path.exists(f"/proc/{pid}") for pid in pids):
            assert time.monotonic() < deadline, f"{executors(context)} executors, workers {pids}"
            time.sleep(0.2)
        rounds.append(workers)
    return rounds


def await_spares(tasks):
    """Waits until the zygote has loaded all it loads ahead: it forks nobody for no task before that."""
    deadline = time.monotonic() + 60
    while True:
        children = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                children.setdefault(parent_of(pid), []).append(pid)
        forked = [len(children.get(int(zygote), ())) for keeper in keepers() for zygote in children.get(keeper, ())]
        if max(forked, default=0) >= tasks:
            return
        assert time.monotonic() < deadline, f"forked by zygotes: {forked}"
        time.sleep(0.2)


def keepers():
    """Pids of those of this application, which is the only one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ") as environ:
            if "CONTAINER_ID=container_" in environ.read() and "npw-zygote-keeper" in command_of(pid):
                found.append(int(pid))
    return found


def heavy(context, scratch):
    """Four workers that have a lot loaded at the same time, for as long as the node manager takes to look several times."""

    def work():
        import ballast  # by --py-files

        time.sleep(8)
        return {**who_am_i(), "megabytes": len(ballast.DATA) >> 20}

    with contextlib.suppress(AssertionError):  # the node manager may come first
        await_spares(4)
    return in_each_slot(context, 4, work, scratch)


def dies(context, scratch):
    def work(_):
        print("these are my last words", file=sys.stderr, flush=True)
        os.abort()

    try:
        context.parallelize([0], 1).foreach(work)
    except Exception as failure:
        return str(failure)
    return None


def slow_module():
    """Imports what takes long: whether another process had done so."""
    import npw_slow  # on the executors' PYTHONPATH

    return npw_slow.loader != os.getpid()


def learned(context):
    """The modules that executors have found safe to load ahead, as the driver knows by now."""
    jvm, array = context._jvm, context._gateway.new_array
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    known = loader.loadClass("io.nativepythonworker.WorkersUi").getDeclaredMethod("learned", array(jvm.java.lang.Class, 0))
    known.setAccessible(True)
    return known.invoke(None, array(jvm.java.lang.Object, 0)).split(",")


def learns(context, scratch):
    """Has both executors import the module, in more than one worker, and waits until the driver knows of it."""
    found = [one for number in range(2) for one in in_each_slot(context, 2, slow_module, f"{scratch}-{number}")]
    deadline = time.monotonic() + 120
    while "npw_slow" not in learned(context):
        assert time.monotonic() < deadline, f"what was learned: {learned(context)}"
        time.sleep(0.5)
    return found


def has_learned(context, scratch):
    """The same module, once both executors have loaded it ahead."""
    deadline = time.monotonic() + 120
    for number in itertools.count():
        found = in_each_slot(context, 2, slow_module, f"{scratch}-{number}")
        if all(found):
            return found
        assert time.monotonic() < deadline, f"loaded ahead: {found}"


def main(job, file):
    with SparkContext() as context:
        told = globals()[job](context, f"{file}-tasks")
    with open(f"{file}.part", "w") as part:
        json.dump(told, part)
    os.rename(f"{file}.part", file)


if __name__ == "__main__":
    main(*sys.argv[1:])

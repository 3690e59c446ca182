"""Whoever is killed, and whatever the workers do: their processes are gone with the executor."""

import os
import signal

import pytest
from faults import left_behind
from processes import survivors

from harness import NOTHING_TO_LOAD

pytestmark = pytest.mark.alike("processes, and nothing of Spark's")


def behave(how, where):
    """What a task does until it is killed, having left a file that is named after its process and those it has started."""
    import ctypes
    import os
    import signal
    import subprocess
    import time

    pids = [os.getpid()]
    if how == "deaf":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "parent":
        pids += [subprocess.Popen(["sleep", "600"], start_new_session=True).pid for _ in range(2)]
    open(os.path.join(where, "-".join(map(str, pids))), "w").close()
    if how == "in C":
        ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock
    while how == "loop":
        pass
    time.sleep(600)


TASKS = 2


def busy(where, how, tasks=TASKS):
    """A job that has tasks behave, in the background, and returns all their processes."""

    def job(spark):
        import os
        import time

        from pyspark import InheritableThread

        def start():
            try:
                spark.sparkContext.parallelize(range(tasks), tasks).foreach(lambda _: behave(how, where))
            except Exception:
                pass  # it ends with the JVM

        InheritableThread(target=start, daemon=True).start()
        while len(os.listdir(where)) < tasks:
            time.sleep(0.05)
        return [int(pid) for name in os.listdir(where) for pid in name.split("-")]

    return job


@pytest.fixture
def family(launch, tmp_path):
    """Starts an application whose tasks behave; gives its driver, and who is under its JVM by now and to be gone soon."""

    def start(how, **conf):
        driver = launch()
        started = driver.run(busy(str(tmp_path), how), conf={**NOTHING_TO_LOAD, **conf}).value
        below = driver.workers()
        assert set(started) <= {one.pid for one in below}
        return driver, below

    return start


def zygote_among(driver, below):
    """The one that has forked the workers."""
    parents = [one.ppid for one in below if one.name.startswith("python")]
    return max({parent for parent in parents if parent != driver.jvm}, key=parents.count)


# Of docs/faults.md; the others have one in common.
CASES = {"deaf": 22, "parent": 23}
BEHAVIOURS = [*(pytest.param(how, marks=pytest.mark.long) for how in ("sleep", "loop", "in C", "deaf")), "parent"]


@pytest.mark.parametrize("how", BEHAVIOURS)
@pytest.mark.parametrize("victims", ["executor", "both"])
def test_nothing_is_left(family, victims, how, is_native, observe):
    driver, below = family(how)
    killed = {"executor": [driver.jvm], "both": [zygote_among(driver, below), driver.jvm]}
    for pid in killed[victims]:
        os.kill(pid, signal.SIGKILL)
    left, told = left_behind([one.pid for one in below], is_native)
    observe(CASES.get(how, 21) if victims == "executor" else 24, f"{victims} killed, workers {how}: {told}")
    assert not (is_native and left)  # on stock Spark, what ignores SIGHUP or has a session of its own stays for ever


@pytest.mark.parametrize("how", BEHAVIOURS)
def test_workers_outlive_their_zygote_and_nothing_outlives_the_executor(family, how, is_native, observe):
    driver, below = family(how)
    zygote = zygote_among(driver, below)
    workers = [one.pid for one in below if one.ppid == zygote]
    os.kill(zygote, signal.SIGKILL)
    assert not survivors([zygote])
    assert len(survivors(workers, 0)) >= TASKS  # the others are spares
    os.kill(driver.jvm, signal.SIGKILL)
    left, told = left_behind([one.pid for one in below], is_native)
    observe(24, f"zygote killed and the executor later, workers {how}: {told}")
    assert not (is_native and left)


@pytest.mark.native_only("it is about the setting")
@pytest.mark.long
@pytest.mark.parametrize("how", ["sleep", "loop", "in C"])
def test_nothing_is_left_without_the_zygote(family, how):
    """The daemon is Spark's own then: it asks its workers to end, and leaves alone who does not hear it."""
    driver, below = family(how, **{"spark.nativePythonWorker.zygote.enabled": "false"})
    os.kill(driver.jvm, signal.SIGKILL)
    assert not survivors([one.pid for one in below])

"""An executor in a container, as Kubernetes makes it: what works there, what falls back, and why."""

import errno
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from cgroups import group
from containers import CLONE3, CLOSE_RANGE, NOBODY, PIDFD_OPEN, Container, call_number
from faults import greedy
from processes import eventually, process, survivors

from harness import NOTHING_TO_LOAD


def who(spark):
    """Of each of four tasks: whether the zygote's keeper is above its worker, whose that is, and what is the first process."""

    def work(_):
        import os

        def parent_of(pid):
            with open(f"/proc/{pid}/stat") as stat:
                return int(stat.read().rpartition(")")[2].split()[1])

        def command_of(pid):
            try:
                with open(f"/proc/{pid}/cmdline") as command:
                    return command.read()
            except FileNotFoundError:
                return "hidden"

        return "npw-zygote-keeper" in command_of(parent_of(os.getppid())), os.geteuid(), command_of(1).split("\0")[0]

    return spark.sparkContext.parallelize(range(4), 4).map(work).collect()


def assert_zygote_serves(executor, outcome, is_native):
    assert all(zygote == is_native for zygote, _, _ in outcome.value), executor.log[-4000:]
    assert executor.warnings == []


def assert_sparks_own_serves(executor, outcome, why, is_native):
    """It says so once, and the job runs."""
    assert not any(zygote for zygote, _, _ in outcome.value)
    if is_native:
        (warning,) = executor.warnings
        assert "Spark's own factory serves Python" in warning and why in warning


@pytest.mark.parametrize("init", [False, True], ids=["the JVM is pid 1", "under an init"])
def test_namespaces(run, driver, init, is_native):
    executor, outcome = run(Container(init=init), who)
    assert_zygote_serves(executor, outcome, is_native)
    assert {first.endswith("/java") for *_, first in outcome.value} == {not init}
    everyone = executor.processes(driver)
    assert len(everyone) > 2
    driver.run(lambda spark: None, stop=True)
    assert not survivors(everyone)


ALLOWED = {
    "read-only root": Container(read_only=True),
    "hidepid=2": Container(hide=True, user=NOBODY),
    "not root": Container(user=NOBODY),
    "no close_range": Container(deny=((CLOSE_RANGE, errno.EPERM),)),
    "no clone3": Container(deny=((CLONE3, errno.ENOSYS),)),
}


@pytest.mark.parametrize("container", ALLOWED.values(), ids=ALLOWED)
def test_what_does_no_harm(run, container, is_native):
    executor, outcome = run(container, who)
    assert_zygote_serves(executor, outcome, is_native)
    assert {user for _, user, _ in outcome.value} == {container.user}


def test_all_of_it_at_once(run, is_native):
    """As strict clusters have it: and `unshare`, which runtimes allow to nobody without CAP_SYS_ADMIN."""
    unshare = call_number("unshare", 272, 97)
    deny = ((CLOSE_RANGE, errno.EPERM), (unshare, errno.EPERM), (CLONE3, errno.ENOSYS))
    strict = Container(init=True, read_only=True, noexec=True, hide=True, user=NOBODY, deny=deny)
    executor, outcome = run(strict, who)
    assert_zygote_serves(executor, outcome, is_native)


def test_nothing_may_be_executed_in_the_temporary_folder(run, is_native):
    """The library is loaded from one of Spark's own folders instead."""
    executor, outcome = run(Container(noexec=True), who)
    assert_zygote_serves(executor, outcome, is_native)


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM], ids=["ENOSYS", "EPERM"])
def test_no_pidfd_open(run, error, is_native):
    executor, outcome = run(Container(deny=((PIDFD_OPEN, error),)), who)
    assert_sparks_own_serves(executor, outcome, "pidfd_open", is_native)


@pytest.fixture
def without_children(tmp_path):
    """A library that hides `/proc/<pid>/task/<tid>/children`, which kernels may be built without."""
    compiler = shutil.which("cc") or pytest.skip("there is no C compiler")
    library = tmp_path / "hide_children.so"
    source = Path(__file__).with_name("hide_children.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return (("LD_PRELOAD", str(library)),)


def test_no_list_of_children(run, without_children, is_native):
    """Nobody could find what descends from a zygote there, so there is none."""
    executor, outcome = run(Container(variables=without_children), who)
    assert not any(zygote for zygote, _, _ in outcome.value)
    if is_native:
        (warning,) = executor.warnings
        assert "forked by Spark's daemon" in warning and "/children" in warning


def greedy_and_modest(spark):
    """A task that takes more memory than there is, and then one that takes none."""
    return greedy(spark), who(spark)


def test_the_kernel_takes_the_worker_where_memory_runs_out(run, driver, is_native):
    """The container sees its own cgroup as the root of all, and an executor that is lost would be replaced: it is not."""
    with group("memory", f"native-python-worker-container-{os.getpid()}") as memory:
        if not (memory.directory / "memory.limit_in_bytes").exists():
            pytest.skip("how a container sees its cgroup is made for version 1 only")
        memory.limit(900 << 20)
        executor, outcome = run(Container(groups=(("memory", str(memory.directory)),)), greedy_and_modest)
        error, after = outcome.value
        assert len(after) == 4
        if is_native:
            assert "out of memory: the limit of its cgroup is 900 MiB" in error
            assert executor.log.count("Started daemon with process name") == 1
        driver.run(lambda spark: None, stop=True)


@pytest.mark.parametrize("init", [False, True], ids=["the JVM is pid 1", "under an init"])
def test_killed_keeper(run, driver, init, is_native):
    """What the keeper leaves comes to the first process of the container. A JVM collects no such child."""
    if not is_native:
        pytest.skip("there is no keeper")
    executor, outcome = run(Container(init=init), who)
    assert_zygote_serves(executor, outcome, is_native)
    jvm, *below = executor.processes(driver)
    (keeper,) = [pid for pid in below if process(pid) and "npw-zygote-keeper" in process(pid).command]
    os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: all(one.status == psutil.STATUS_ZOMBIE for one in map(process, below) if one))
    conf = {**NOTHING_TO_LOAD, **executor.conf}
    assert all(zygote for zygote, _, _ in driver.run(who, conf=conf).value)
    if init:
        assert not survivors(below)
    else:
        assert survivors(below, 0)  # as zombies
    driver.run(lambda spark: None, stop=True)
    assert not survivors([jvm, *below])

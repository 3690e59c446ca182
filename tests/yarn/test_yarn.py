"""Applications on a YARN with a resource and a node manager."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

MODES = ("client", "cluster")


def zipped(folder, module, text):
    archive = folder / f"{module}.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"{module}.py", text)
    return archive


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A module for --py-files."""
    return zipped(tmp_path_factory.mktemp("shipped"), "shipped", "VALUE = 42\n")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python environment for --archives, which has all that this one has and a module more."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    (packages,) = (folder / "env/lib").glob("python*/site-packages")
    (packages / "only_in_the_archive.py").write_text("")
    (others,) = Path(sys.prefix, "lib").glob("python*/site-packages")
    (packages / "others.pth").write_text(f"{others}\n")
    archive = folder / "env.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder / "env", arcname=".")
    return archive


def assert_two_executors(workers, is_native):
    assert len({worker["executor"] for worker in workers}) == 2
    assert all(worker["zygote"] == is_native for worker in workers)


@pytest.mark.parametrize("mode", MODES)
def test_files_are_shipped_and_nothing_is_left(yarn, shipped, mode, is_native):
    application = yarn.submit("application.py", "plain", mode=mode, native=is_native, options=("--py-files", str(shipped)))
    assert_two_executors(application.told, is_native)
    assert {worker["shipped"] for worker in application.told} == {42}
    application.assert_nothing_left()


@pytest.mark.parametrize("mode", MODES)
def test_python_of_an_archive(yarn, shipped, environment, mode, is_native):
    """Its path is one within the container; the driver has it in cluster mode only."""
    python = "./environment/bin/python"
    application = yarn.submit(
        "application.py",
        "archive",
        mode=mode,
        native=is_native,
        options=("--py-files", str(shipped), "--archives", f"{environment}#environment"),
        environment={"PYSPARK_PYTHON": python, **({"PYSPARK_DRIVER_PYTHON": python} if mode == "cluster" else {})},
    )
    assert_two_executors(application.told, is_native)
    for worker in application.told:
        assert worker["prefix"].endswith(f"{worker['executor']}/environment")
        assert worker["archived"].startswith(worker["prefix"])
        assert worker["shipped"] == 42 and worker["sum"] == 3
    application.assert_nothing_left()


def test_executors_that_come_and_go(yarn, is_native):
    application = yarn.submit(
        "application.py",
        "come_and_go",
        native=is_native,
        **{
            "dynamicAllocation.enabled": "true",
            "dynamicAllocation.shuffleTracking.enabled": "true",
            "dynamicAllocation.minExecutors": "0",
            "dynamicAllocation.initialExecutors": "0",
            "dynamicAllocation.maxExecutors": "2",
            "dynamicAllocation.executorIdleTimeout": "5s",
            "executor.instances": "0",
        },
    )
    for workers in application.told:
        assert_two_executors(workers, is_native)
    first, second = ({worker["executor"] for worker in workers} for workers in application.told)
    assert not first & second
    application.assert_nothing_left()


def test_collected_logs_say_why_a_worker_died(yarn, is_native):
    application = yarn.submit("application.py", "dies", native=is_native)
    assert application.told
    logs = application.container_logs
    assert "these are my last words" in logs
    if is_native:
        for told in (application.told, logs):
            assert "was killed by signal 6 (SIGABRT)" in told


@pytest.fixture(scope="module")
def ballast(tmp_path_factory):
    """A module for --py-files that has a lot of memory."""
    return zipped(tmp_path_factory.mktemp("ballast"), "ballast", "DATA = b'x' * (200 << 20)\n")


# Four workers and their zygote: more than this by the sum of their resident memory.
TIGHT = {
    "executor.instances": "1",
    "executor.cores": "4",
    "executor.memoryOverhead": "512m",
    "nativePythonWorker.preload": "ballast",
    "task.maxFailures": "1",
    "executor.maxNumFailures": "1",
}


def test_container_that_the_node_manager_finds_too_large(yarn, ballast, is_native):
    if not is_native:
        pytest.skip("nothing is loaded ahead there")
    application = yarn.submit("application.py", "heavy", options=("--py-files", str(ballast)), **TIGHT)
    assert "Container killed by YARN for exceeding physical memory limits" in application.log
    application.assert_nothing_left()


@pytest.mark.parametrize("mode", MODES)
def test_what_was_learned_is_handed_on_by_way_of_hdfs(yarn, hdfs, tmp_path, mode, is_native):
    """The driver, in a container of its own or not, reads and writes the file; executors have it from there."""
    if not is_native:
        pytest.skip("nothing is learned there")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/npw_slow.py").write_text("import os, time\ntime.sleep(0.6)\nloader = os.getpid()\n")
    conf = {
        "executorEnv.PYTHONPATH": str(tmp_path / "site"),
        "nativePythonWorker.preload.profile": f"{hdfs.address}/shared/profile",
        "python.worker.reuse": "false",
    }
    first = yarn.submit("application.py", "learns", mode=mode, **conf)
    assert first.told == [False] * 4
    assert [line for line in hdfs.read("/shared/profile").splitlines() if not line.startswith("#")] == ["npw_slow"]
    second = yarn.submit("application.py", "has_learned", mode=mode, **conf)
    assert second.told == [True] * 2

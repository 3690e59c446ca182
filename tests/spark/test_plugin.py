"""The plugin comes and goes as its users expect: on, off, missing its library, twice in one JVM, gone at the end."""

import os
import re
import shutil
import signal
import zipfile

import pytest
from faults import left_of
from processes import descendants, eventually, open_files, survivors
from together import together

from harness import JAR, NATIVE_FACTORY, STOCK_FACTORY


def counting(spark):
    return spark.sparkContext.parallelize(range(4), 2).map(lambda n: n).count()


def pids(spark):
    return together(spark, 2, os.getpid)


@pytest.mark.matrix
@pytest.mark.native_only("it is about the plugin")
def test_one_line_says_what_serves_python(modules_driver):
    outcome = modules_driver.run(counting, stop=True)
    assert outcome.value == 4
    assert set(outcome.factories) == {NATIVE_FACTORY}
    lines = [line for line in outcome.log.splitlines() if "NativePythonWorker" in line and " INFO " in line]
    assert len([line for line in lines if "native_python_worker" in line]) == 1, lines


@pytest.mark.native_only("it is about the plugin")
@pytest.mark.parametrize("jar_by", [pytest.param("classpath", marks=pytest.mark.long), "defaults"])
def test_ways_to_add_the_jar(launch, jar_by):
    outcome = launch(jar_by=jar_by).run(counting)
    assert outcome.value == 4
    assert set(outcome.factories) == {NATIVE_FACTORY}


@pytest.mark.native_only("it is about the plugin")
def test_switched_off_it_leaves_spark_alone(modules_driver):
    outcome = modules_driver.run(counting, conf={"spark.nativePythonWorker.enabled": "false"}, stop=True)
    assert outcome.value == 4
    assert set(outcome.factories) == {STOCK_FACTORY}
    assert "WARN NativePythonWorker" not in outcome.log


@pytest.fixture
def jar_without_library(tmp_path):
    """A copy of the product's jar that lacks every native library."""
    copy = tmp_path / "without-library.jar"
    with zipfile.ZipFile(JAR) as whole, zipfile.ZipFile(copy, "w") as part:
        for entry in whole.infolist():
            if not entry.filename.endswith(".so"):
                part.writestr(entry, whole.read(entry))
    return copy


def warnings(outcome):
    return [line for line in outcome.log.splitlines() if re.search(r" WARN .*ative ?[Pp]ython ?[Ww]orker", line)]


@pytest.mark.native_only("it is about the plugin")
def test_without_its_library_spark_serves_and_one_warning_says_why(launch, jar_without_library):
    outcome = launch(jar=str(jar_without_library)).run(counting)
    assert outcome.value == 4
    assert set(outcome.factories) == {STOCK_FACTORY}
    assert len(warnings(outcome)) == 1, warnings(outcome)


@pytest.mark.long
@pytest.mark.native_only("it is about the plugin")
def test_library_that_is_none(launch, jar_without_library, tmp_path):
    (tmp_path / "libnative_python_worker.so").write_bytes(b"\x7fELF but not really")
    options = f"-Djava.library.path={tmp_path}"
    outcome = launch(jar=str(jar_without_library), java_options=options).run(counting)
    assert outcome.value == 4
    assert set(outcome.factories) == {STOCK_FACTORY}
    assert len(warnings(outcome)) == 1, warnings(outcome)


@pytest.mark.long
@pytest.mark.native_only("it is about the plugin")
def test_library_from_the_library_path(launch, jar_without_library, tmp_path):
    with zipfile.ZipFile(JAR) as whole:
        entry = next(name for name in whole.namelist() if name.endswith("libnative_python_worker.so"))
        with whole.open(entry) as packed, open(tmp_path / "libnative_python_worker.so", "wb") as library:
            shutil.copyfileobj(packed, library)
    options = f"-Djava.library.path={tmp_path}"
    outcome = launch(jar=str(jar_without_library), java_options=options).run(counting)
    assert outcome.value == 4
    assert set(outcome.factories) == {NATIVE_FACTORY}


def test_two_contexts_one_after_the_other(modules_driver, observe):
    first = modules_driver.run(pids, stop=True)
    second = modules_driver.run(pids, stop=True)
    assert set(first.factories) == set(second.factories)
    assert not set(first.value) & set(second.value)
    left = survivors(first.value + second.value)
    observe(25, f"two contexts in turn: {len(left)} of {len(first.value + second.value)} workers left")
    assert not left


@pytest.mark.matrix
@pytest.mark.alike("the plugin's own doing")
def test_nothing_is_left_after_stop(modules_driver):
    """No process, no zombie, no open file of the JVM but one socket a session: Spark's own, to its accumulators."""
    driver, seen = modules_driver, []
    for session in range(3):
        outcome = driver.run(pids, conf={"spark.app.name": f"session {session}"}, stop=True)
        assert len(set(outcome.value)) == 2
        assert eventually(lambda: not driver.workers()), driver.workers()
        seen.append(open_files(driver.jvm))
    for kind, allowed in {"socket": 1, "pipe": 0, "anon_inode:[pidfd]": 0, "anon_inode:[eventpoll]": 0}.items():
        assert eventually(lambda: open_files(driver.jvm)[kind] <= seen[1][kind] + allowed, 20), (kind, seen)


@pytest.mark.alike("the plugin's own doing")
def test_driver_that_does_not_stop_its_session_leaves_nothing(launch):
    driver = launch()
    used = driver.run(pids).value
    workers = [worker.pid for worker in driver.workers()]
    assert set(used) <= set(workers)
    assert driver.close() == 0
    assert not survivors(workers)


@pytest.mark.alike("the plugin's own doing")
@pytest.mark.parametrize(
    "conf", [{}, pytest.param({"spark.python.use.daemon": "false"}, marks=pytest.mark.long)], ids=["", "simple"]
)
def test_killed_jvm_takes_idle_and_waiting_workers_with_it(launch, conf, observe):
    driver = launch()
    driver.run(pids, conf=conf)
    workers = [worker.pid for worker in driver.workers()]
    os.kill(driver.jvm, signal.SIGKILL)
    left, told = left_of(workers)
    observe(20, f"{'without' if conf else 'with'} a daemon: {told}")
    driver.process.wait(30)
    assert not left


@pytest.mark.alike("the plugin's own doing")
def test_jvm_started_by_a_python_program(launch):
    driver = launch(launcher="python")
    outcome = driver.run(counting)
    assert outcome.value == 4
    assert driver.jvm in [child.pid for child in descendants(driver.process.pid)]

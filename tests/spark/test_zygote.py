"""Workers forked from the zygote: what they share, what they must not share, and what happens to what they load."""

import zipfile

import pytest
from processes import KEEPER_AND_ZYGOTE, eventually
from test_settings import EXPECTED, mixture

from harness import NOTHING_TO_LOAD

FRESH = {"spark.python.worker.reuse": "false"}
# It comes with the first conversion, not with pyarrow: where it is there before, all has been loaded ahead.
LAST_LOADED = "pyarrow.vendored.version"
ZYGOTE_OFF = {"spark.nativePythonWorker.zygote.enabled": "false"}


def libraries(spark):
    """Whether a task finds them loaded ahead, the threads that its process has then, and how many MiB of addresses."""

    def look(_):
        import os
        import sys

        import numpy
        import pandas
        import pyarrow

        assert numpy and pandas and pyarrow
        with open("/proc/self/statm") as pages:
            addresses = int(pages.read().split()[0]) * os.sysconf("SC_PAGE_SIZE") >> 20
        return LAST_LOADED in sys.modules, len(os.listdir("/proc/self/task")), addresses

    return spark.sparkContext.parallelize([0], 1).map(look).first()


@pytest.fixture
def module(tmp_path):
    """Makes a Python module that executors find: module(name, text) gives the setting for it."""

    def make(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        return {"spark.executorEnv.PYTHONPATH": str(tmp_path), "spark.nativePythonWorker.preload": name}

    return make


@pytest.mark.parametrize("reuse", ["true", pytest.param("false", marks=pytest.mark.long)])
def test_sparks_own_daemon_serves_where_the_zygote_is_switched_off(run, reuse):
    assert run(mixture, conf={**ZYGOTE_OFF, "spark.python.worker.reuse": reuse}).value == EXPECTED


@pytest.mark.native_only("stock's workers import what they need")
def test_libraries_are_there_before_the_task(run):
    conf = {**FRESH, "spark.executorEnv.OMP_NUM_THREADS": "1"}  # which Spark sets itself from 3.5 on

    def all_there():
        loaded_ahead, threads, addresses = run(libraries, conf=conf).value
        if loaded_ahead:
            assert threads == 1
            assert addresses < 700  # a GiB more where Arrow's allocator has reserved what it usually does, which YARN counts
        return loaded_ahead

    assert eventually(all_there, 60)


@pytest.mark.alike("the zygote's own doing")
@pytest.mark.native_only("the setting is ours")
def test_own_modules_can_be_loaded_ahead(run, module):
    conf = {**FRESH, **module("companywide", "import os\nloader = os.getpid()\n")}

    def job(spark):
        def look(_):
            import os

            import companywide

            return companywide.loader != os.getpid()

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    assert eventually(lambda: run(job, conf=conf).value, 60)


# What a module does, and what is said of it.
AWKWARD = {
    "threads": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
        "starts threads",
    ),
    "fails": ("raise RuntimeError('no licence')\n", "no licence"),
    "hangs": ("import time\ntime.sleep(600)\n", "takes more than 3000 ms"),
    "exits": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
}


@pytest.mark.alike("the zygote's own doing")
@pytest.mark.native_only("the setting is ours")
def test_modules_that_cannot_be_loaded_ahead_are_named_and_left_out(run, tmp_path):
    for name, (text, _) in AWKWARD.items():
        (tmp_path / f"awkward_{name}.py").write_text(text)
    conf = {
        **FRESH,
        "spark.executorEnv.PYTHONPATH": str(tmp_path),
        "spark.nativePythonWorker.preload": ",".join(f"awkward_{name}" for name in AWKWARD),
        "spark.nativePythonWorker.preloadTimeout": "3s",
    }
    outcome = run(mixture, conf=conf)
    assert outcome.value == EXPECTED
    for name, (_, why) in AWKWARD.items():
        assert outcome.logged(rf"WARN.*awkward_{name}.*{why}"), name
    assert run(mixture, conf=conf).value == EXPECTED


def test_numpy_draws_other_numbers_in_each_worker(run, observe):
    def job(spark):
        def draw(_):
            import os

            import numpy

            return os.getpid(), numpy.random.randint(1 << 62)

        return spark.sparkContext.parallelize(range(8), 8).map(draw).collect()

    drawn = run(job, conf=FRESH).value
    observe(43, f"{len({number for _, number in drawn})} of 8 new workers draw numbers of their own from numpy")
    assert len({pid for pid, _ in drawn}) == 8
    assert len({number for _, number in drawn}) == 8


def test_what_a_task_changes_is_not_there_for_another_worker(run):
    def job(spark):
        def look(n):
            import json
            import os

            seen = hasattr(json, "left_behind"), os.environ.get("LEFT_BEHIND"), os.getcwd()
            json.left_behind = n
            os.environ["LEFT_BEHIND"] = str(n)
            os.chdir("/")
            return seen

        return spark.sparkContext.parallelize(range(8), 8).map(look).collect()

    first, *others = run(job, conf=FRESH).value
    assert first[:2] == (False, None)
    assert all(seen == first for seen in others)


@pytest.mark.alike("the zygote's own doing")
def test_memory_of_a_worker_that_leaks_cycles_stays_bounded(run):
    """Each task leaves 8 MB in a cycle; some import modules that are new to the worker."""

    def job(spark):
        def leak(n):
            import os
            import sys
            import types

            class Cycle:
                pass

            one, other = Cycle(), Cycle()
            one.other, other.one, one.load = other, one, bytearray(8 << 20)
            if n % 2:
                sys.modules[f"made_by_task_{n}"] = types.ModuleType(f"made_by_task_{n}")
            with open("/proc/self/status") as status:
                resident = next(line for line in status if line.startswith("VmRSS"))
            return os.getpid(), int(resident.split()[1]) // 1024

        context = spark.sparkContext
        return [context.parallelize([n], 1).map(leak).collect()[0] for n in range(40)]

    seen = run(job, conf={"spark.master": "local[1]"}).value
    assert len({pid for pid, _ in seen}) == 1
    resident = [megabytes for _, megabytes in seen]
    assert max(resident[20:]) - resident[5] < 40, resident


@pytest.mark.native_only("stock Spark does")
def test_no_task_has_sparks_archives_read_again(run):
    """Up to Spark 4.1 each task of stock Spark has them read a dozen times."""

    def job(spark):
        def count(_):
            import os
            import zipimport

            if not hasattr(zipimport, "reads"):
                zipimport.reads, read = 0, zipimport._read_directory

                def counting(archive):
                    zipimport.reads += 1
                    return read(archive)

                zipimport._read_directory = counting
            return os.getpid(), zipimport.reads

        return [spark.sparkContext.parallelize([0], 1).map(count).collect()[0] for _ in range(5)]

    seen = run(job, conf={"spark.master": "local[1]", **NOTHING_TO_LOAD}).value
    assert len({pid for pid, _ in seen}) == 1
    assert [reads for _, reads in seen] == [0] * 5


def test_what_comes_onto_the_path_later_is_found(run, tmp_path):
    """A directory that is not there yet, and an archive that is replaced, when workers are forked ahead."""
    directory, archive = tmp_path / "later", tmp_path / "replaced.zip"

    def pack(text):
        with zipfile.ZipFile(tmp_path / "new", "w") as file:
            file.writestr("in_archive.py", text)
        (tmp_path / "new").rename(archive)

    def job(spark):
        def look(_):
            import importlib

            import in_archive

            found = importlib.util.find_spec("in_directory")
            return in_archive.VALUE, found is not None

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    conf = {**FRESH, **NOTHING_TO_LOAD, "spark.executorEnv.PYTHONPATH": f"{directory}:{archive}"}
    pack("VALUE = 1")
    assert run(job, conf=conf).value == (1, False)
    directory.mkdir()
    (directory / "in_directory.py").touch()
    pack("VALUE = 2  # and longer")
    assert run(job, conf=conf).value == (2, True)


@pytest.mark.long
def test_a_process_a_task_leaves_no_process(run, driver):
    """Hundreds of short tasks, each in a process of its own."""

    def job(spark):
        def add(n):
            import os

            import pandas

            return os.getpid(), int(pandas.Series(range(n)).sum())

        return spark.sparkContext.parallelize(range(300), 300).map(add).collect()

    results = run(job, conf={**FRESH, "spark.master": "local[4]"}).value
    assert [total for _, total in results] == [n * (n - 1) // 2 for n in range(300)]
    assert len({pid for pid, _ in results}) == 300
    most = KEEPER_AND_ZYGOTE + 4  # spares
    assert eventually(lambda: len(driver.workers()) <= most)

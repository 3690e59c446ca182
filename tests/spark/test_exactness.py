"""As if nothing were loaded ahead: what a task imports and finds is what it would import and find on stock Spark.

Each job runs on both, after the zygote has loaded all that it does; the tests are equalities.
"""

import stat
import sys
import zipfile

import pytest

from harness import VERSION
from ways import FORKED, await_zygote


@pytest.fixture
def same(run, stock, is_native, request):
    """same(job, **options): what the job gives, in a session of its own, on both."""

    def check(job, conf=None, forked=True, **options):
        conf = {"spark.app.name": request.node.name, **(conf or {})}
        ours = run(job, conf=conf, **options)
        if is_native and forked:
            assert ours.ways & FORKED and "daemon" not in ours.ways
        assert ours.value == stock.run(job, conf=conf, **options).value
        return ours.value

    return check


LOADED = ("numpy", "pandas")


def first_job(spark, loaded=LOADED):
    """Has the zygote load all that it will."""
    spark.sparkContext.parallelize([0], 1).map(lambda x: x).count()
    await_zygote(spark, *loaded)


def imported(spark, *names, before=lambda: None):
    """Which file a task imports for each module."""

    def look(_):
        import importlib
        import os

        before()
        files = [importlib.import_module(name).__file__ for name in names]
        return ["/".join(file.split(os.sep)[-3:]) if "site-packages" in file else os.path.basename(file) for file in files]

    return spark.sparkContext.parallelize([0], 1).map(look).first()


@pytest.fixture
def archive(tmp_path):
    """archive("deps.zip", "a.py", "b/__init__.py"): where it is."""

    def make(name, **files):
        with zipfile.ZipFile(tmp_path / name, "w") as deps:
            for file, text in files.items():
                deps.writestr(file.replace("__init", "/__init__") + ".py", text)
        return str(tmp_path / name)

    return make


SHIPPED = {"dateutil__init": "__version__ = '99'", "secrets": "MINE = 1"}


# 3.5's worker imports numpy, and secrets with it: with a file of that name Spark's daemon serves.
IN_NO_WORKER = VERSION >= (4, 0)


@pytest.mark.parametrize("name", ["deps.zip", pytest.param("deps.egg", marks=pytest.mark.long)])
def test_what_is_shipped_with_a_session_goes_before_what_is_loaded(same, archive, name):
    deps = archive(name, **SHIPPED)

    def job(spark):
        first_job(spark)
        spark.sparkContext.addPyFile(deps)
        return imported(spark, "dateutil", "secrets", "pytz")

    assert same(job, forked=IN_NO_WORKER)[:2] == ["__init__.py", "secrets.py"]


def test_what_is_shipped_between_two_tasks_is_found_by_the_second(same, archive):
    deps = archive("deps.zip", **SHIPPED)

    def job(spark):
        first_job(spark)
        before = imported(spark, "numpy", "pytz")
        spark.sparkContext.addPyFile(deps)
        return before, imported(spark, "dateutil", "pytz", "numpy")

    assert same(job, forked=IN_NO_WORKER)[1][0] == "__init__.py"


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
def test_a_module_that_is_shipped_as_a_file(same, tmp_path):
    (tmp_path / "secrets.py").write_text("MINE = 1")
    file = str(tmp_path / "secrets.py")

    def job(spark):
        first_job(spark)
        spark.sparkContext.addPyFile(file)
        return imported(spark, "secrets")

    assert same(job, forked=IN_NO_WORKER) == ["secrets.py"]


def test_what_pysparks_worker_imports_is_left_to_sparks_daemon(same, archive):
    """The session brings a file of that name; what becomes of it is stock's business."""
    deps = archive("deps.zip", numbers="raise ImportError('this is the one that is shipped')")

    def job(spark):
        first_job(spark)
        spark.sparkContext.addPyFile(deps)
        return imported(spark, "numbers")

    same(job, forked=False)


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
def test_a_path_that_a_task_sets(same, tmp_path):
    for name in ("numpy", "pytz"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("__version__ = 'of the share'")
    share = str(tmp_path)

    def job(spark):
        import sys

        first_job(spark)
        return imported(spark, "pytz", "numpy", before=lambda: sys.path.insert(0, share))

    assert same(job)[0] == "__init__.py"


def blas_threads(spark, before=lambda: None):
    def look(_):
        import ctypes
        import os
        import re

        before()
        import numpy  # noqa: F401  its library is what counts

        with open("/proc/self/maps") as maps:
            file = re.search(r"(/\S*openblas\S*)", maps.read()).group(1)
        library = ctypes.CDLL(file)
        names = [p + "openblas_get_num_threads" + e for p in ("scipy_", "") for e in ("64_", "_64", "")]
        get = next(getattr(library, name) for name in names if hasattr(library, name))
        return get(), len(os.listdir("/proc/self/task")) if IN_NO_WORKER else None  # after a fork they start when they are used

    return spark.sparkContext.parallelize([0], 1).map(look).first()


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
def test_threads_for_linear_algebra_that_the_executor_is_given(same):
    def job(spark):
        first_job(spark)
        return blas_threads(spark)

    same(job, conf={"spark.executorEnv.OMP_NUM_THREADS": "2", "spark.python.worker.reuse": "false"})


@pytest.mark.since(4, 0)  # 3.5's worker has numpy before the task begins
def test_threads_for_linear_algebra_that_a_task_asks_for(same):
    def job(spark):
        import os

        first_job(spark)
        return blas_threads(spark, before=lambda: os.environ.update(OMP_NUM_THREADS="2"))

    same(job)


@pytest.mark.since(4, 0)  # 3.5's worker has numpy before the task begins
def test_what_a_task_sets_before_its_first_import(same):
    def job(spark):
        first_job(spark)

        def variables(_):
            import os
            import warnings

            before = len(warnings.filters)
            os.environ.update(PANDAS_COPY_ON_WRITE="1", ARROW_DEFAULT_MEMORY_POOL="system")
            import pandas
            import pyarrow

            pool = pyarrow.default_memory_pool().backend_name
            return before, len(warnings.filters), pandas.options.mode.copy_on_write, pool

        def modules(_):
            import sys

            sys.modules["pyarrow"] = None
            from pandas.compat.pyarrow import pa_version_under10p1

            return pa_version_under10p1

        return [spark.sparkContext.parallelize([0], 1).map(look).first() for look in (variables, modules)]

    assert same(job, conf={"spark.python.worker.reuse": "false"})[1] is True


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
@pytest.mark.skipif(sys.version_info < (3, 11), reason="the variable came with 3.11")
def test_a_safe_path(same, tmp_path):
    def path(spark):
        import re

        first_job(spark)

        def look(_):
            import sys

            return [re.sub(r"/spark-[-\w/]+", "<files>", item) for item in sys.path], sys.flags.safe_path

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    conf = {"spark.executorEnv.PYTHONSAFEPATH": "1", "spark.executorEnv.PYTHONPATH": str(tmp_path)}
    assert same(path, conf=conf)[1] is True


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
@pytest.mark.parametrize("arguments", ["$@", *(pytest.param(other, marks=pytest.mark.long) for other in ("$*", '"$@"'))])
def test_a_script_around_the_interpreter(same, tmp_path, arguments):
    script = tmp_path / "python.sh"
    script.write_text(f'#!/bin/sh\nOF_THE_SCRIPT=1 exec "{sys.executable}" {arguments}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def job(spark):
        import os

        first_job(spark)
        return spark.sparkContext.parallelize([0], 1).map(lambda _: os.environ["OF_THE_SCRIPT"]).first()

    assert same(job, environment={"PYSPARK_PYTHON": str(script)}) == "1"


@pytest.mark.since(4, 0)  # 3.5's daemon has imported numpy for good
def test_a_file_that_breaks_an_import_is_forgotten_when_it_is_gone(same, tmp_path):
    """It stands before the standard library's, as one beside the program does."""
    file = tmp_path / "secrets.py"

    def job(spark):
        from pathlib import Path

        def uses(_):
            from numpy.random import default_rng

            return float(default_rng(1).integers(3)) >= 0

        def attempt():
            try:
                return spark.sparkContext.parallelize(range(2), 2).map(uses).collect()
            except Exception as error:
                return [line for line in str(error).splitlines() if line.startswith("ImportError")][:1]

        Path(file).write_text("PASSWORD = 'x'")
        broken = [attempt(), attempt()]
        Path(file).unlink()
        import time

        time.sleep(2)
        return broken, attempt(), attempt()

    conf = {"spark.executorEnv.PYTHONPATH": str(tmp_path), "spark.python.worker.reuse": "false"}
    assert same(job, conf=conf, forked=False)[1] == [True, True]


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
@pytest.mark.parametrize("memory", ["1300m", "300m"])
def test_memory_that_a_task_may_have(same, memory):
    """Modules that are loaded ahead leave a task what it needs, or are not loaded."""

    def job(spark):
        first_job(spark, LOADED if memory == "1300m" else ())
        context = spark.sparkContext
        return (
            context.parallelize([0], 1).map(lambda _: len(bytearray(100 << 20))).first(),
            context.parallelize(range(1000), 2).map(lambda x: (x % 10, 1)).reduceByKey(lambda a, b: a + b).count(),
        )

    same(job, conf={"spark.executor.pyspark.memory": memory, "spark.executor.cores": "1"})


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
def test_memory_at_which_a_job_spills(same):
    """What is loaded ahead and not in use does not count."""

    def job(spark):
        first_job(spark)
        pairs = spark.sparkContext.parallelize(range(20000), 1).map(lambda x: (x % 100, x))
        pairs.groupByKey(1).count()
        stages = (
            spark.sparkContext._jsc.sc()
            .statusStore()
            .stageList(None, False, False, spark.sparkContext._gateway.new_array(spark._jvm.double, 0), None)
        )
        return sum(stages.apply(n).diskBytesSpilled() for n in range(stages.size()))

    same(job, conf={"spark.python.worker.memory": "70m"})


@pytest.mark.alike("what the zygote does, whichever Spark's worker runs in it")
def test_a_title_that_a_task_gives_its_process(same):
    pytest.importorskip("setproctitle")

    def job(spark):
        first_job(spark)

        def look(_):
            import setproctitle

            setproctitle.setproctitle("my task")
            with open("/proc/self/cmdline") as line:
                return setproctitle.getproctitle(), line.read().rstrip("\0")

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    assert same(job) == ("my task", "my task")


def test_what_is_loaded_before_a_task_begins(same):
    """Top-level modules, by which tasks tell whether something is there."""

    def job(spark):
        first_job(spark)

        def look(_):
            import sys

            return sorted(name for name in sys.modules if "." not in name)

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    same(job, conf={"spark.python.worker.reuse": "false"})


def test_what_is_below_a_task_on_its_stack(same):
    """PySpark's log of a UDF looks there for the function's name, and ends at the daemon's module."""

    def job(spark):
        first_job(spark)

        def look(_):
            import itertools
            import sys

            frame, names = sys._getframe(), []
            while frame is not None:
                names.append(frame.f_globals["__name__"])
                frame = frame.f_back
            main = sys.modules["__main__"]
            kinds = type(main.__builtins__).__name__, type(main.__annotations__).__name__
            return [name for name, _ in itertools.groupby(names) if name != "runpy"], main.__spec__.name, kinds

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    assert same(job)[0][-1] == "__main__"


def test_what_a_task_changes_of_the_interpreter_before_its_first_import(same):
    """Loggers, decimals, finders; and how deep it can go."""

    def job(spark):
        first_job(spark)

        def look(_):
            import decimal
            import logging.config
            import sys

            def deep(n):
                try:
                    return deep(n + 1)
                except RecursionError:
                    return n

            before = set(logging.root.manager.loggerDict)
            logging.config.dictConfig({"version": 1, "disable_existing_loggers": True})
            logging.getLogger("concurrent.futures").setLevel("ERROR")
            decimal.DefaultContext.prec = 7
            early = [str(one).split(" at ")[0] for one in (*sys.meta_path, *sys.path_hooks)]
            sys.meta_path[:] = [finder for finder in sys.meta_path if isinstance(finder, type)]
            import pandas
            import pyarrow

            made = logging.root.manager.loggerDict
            states = {name: str(made[name]) for name in made if isinstance(made[name], logging.Logger)}
            disabled = {name for name in states if made[name].disabled}
            late = [str(finder).split(" at ")[0] for finder in sys.meta_path]
            third = str(decimal.Decimal(1) / 3), str(decimal.DefaultContext.prec)
            size = pandas.Series(pyarrow.array([1, 2]).to_pandas()).sum()
            return deep(0), sorted(before), early, sorted(states.items()), sorted(disabled), late, third, int(size)

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    same(job)


def test_numbers_that_children_of_a_task_draw(same):
    """Where the task has imported numpy, but has not asked for any: numpy loads that when it is asked."""

    def job(spark):
        first_job(spark)

        def look(_):
            import multiprocessing

            import numpy

            forking = multiprocessing.get_context("fork")
            drawn, told = forking.Pipe(duplex=False)
            children = [forking.Process(target=lambda: told.send(numpy.random.rand())) for _ in range(3)]
            for child in children:
                child.start()
            numbers = {drawn.recv() for _ in children}
            for child in children:
                child.join()
            return len(numbers)

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    same(job)

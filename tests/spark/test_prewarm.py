"""What is started with the executor, before the first task that needs Python, and what ends when nobody needs it."""

import pytest
from processes import eventually, zygotes

from harness import NOTHING_TO_LOAD

pytestmark = pytest.mark.alike("processes, and nothing of Spark's")

COLD = {**NOTHING_TO_LOAD, "spark.nativePythonWorker.prewarm": "false", "spark.app.name": "cold"}


def parents(spark):
    """What has forked the workers of two tasks."""

    def parent(_):
        import os

        return os.getppid()

    return set(spark.sparkContext.parallelize(range(2), 2).map(parent).collect())


def nothing_with_python(spark):
    return spark.range(10).count()


@pytest.fixture
def run_alone(run, driver):
    """Runs jobs on the shared driver, when nothing of its earlier sessions is left."""
    run(nothing_with_python, conf=COLD, stop=True)
    assert eventually(lambda: not driver.workers(), 30)
    return run


@pytest.mark.native_only("stock Spark starts Python with the first task")
def test_zygote_is_there_before_the_first_task_and_serves_it(run_alone, driver):
    conf = {**NOTHING_TO_LOAD, "spark.app.name": "warm"}
    assert run_alone(nothing_with_python, conf=conf).value == 10
    zygote = eventually(lambda: zygotes(driver.workers()), 30)
    assert run_alone(parents, conf=conf).value == zygote


@pytest.mark.native_only("the setting is ours")
def test_nothing_is_started_ahead_where_that_is_switched_off(run_alone, driver):
    assert run_alone(nothing_with_python, conf=COLD).value == 10
    assert driver.workers() == []
    assert len(run_alone(parents, conf=COLD).value) == 1


@pytest.mark.native_only("the zygote is ours")
def test_an_unused_zygote_goes_and_comes_back(run, driver):
    conf = {
        **NOTHING_TO_LOAD,
        "spark.nativePythonWorker.zygote.idleTimeout": "2s",
        "spark.nativePythonWorker.idleTimeout": "1s",
        "spark.app.name": "unused",
    }
    (first,) = run(parents, conf=conf).value
    assert eventually(lambda: driver.workers() == [], 30)
    (second,) = run(parents, conf=conf).value
    assert first != second

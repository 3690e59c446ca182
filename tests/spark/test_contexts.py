"""Contexts in one JVM, one after the other: each has what its own settings say, and nothing of the one before."""

import functools

import pytest
from processes import eventually, zygotes
from test_prewarm import nothing_with_python, parents
from test_zygote import FRESH, ZYGOTE_OFF

from harness import NATIVE_FACTORY, NOTHING_TO_LOAD, STOCK_FACTORY
from ways import all_forked

pytestmark = [pytest.mark.native_only("it is about our settings"), pytest.mark.alike("the plugin's own doing")]
ON = {}
OFF = {"spark.nativePythonWorker.enabled": "false"}
COLD = {"spark.nativePythonWorker.prewarm": "false"}
# A zygote is started ahead as soon as the JVM leaves a core to it.
PATIENCE = 5


@pytest.fixture
def driver(modules_driver):
    """A driver whose contexts are those of these tests only."""
    return modules_driver


@pytest.fixture
def context(driver):
    """Gives what runs jobs in a new context, when no process of the one before is left."""
    before = []

    def begin(conf):
        if before:
            before.pop()(nothing_with_python, stop=True)
        assert eventually(lambda: not driver.workers(), 30), driver.workers()
        before.append(functools.partial(driver.run, conf={**NOTHING_TO_LOAD, **conf}))
        return before[0]

    yield begin
    before.pop()(nothing_with_python, stop=True)


@pytest.mark.parametrize("conf", [pytest.param(OFF, marks=pytest.mark.long), COLD], ids=["off", "cold"])
def test_nothing_is_started_ahead_after_a_context_that_did(context, driver, conf):
    context(ON)(nothing_with_python)
    assert eventually(lambda: zygotes(driver.workers()), 30)
    context(conf)(nothing_with_python)
    assert not eventually(driver.workers, PATIENCE)


def test_each_has_the_factory_that_it_asks_for(context, driver):
    for conf in ON, OFF, ON:
        outcome = context(conf)(parents)
        assert set(outcome.factories) == {STOCK_FACTORY if conf is OFF else NATIVE_FACTORY}
        (parent,) = outcome.value
        # Between the JVM and a zygote is a keeper, also if the zygote serves nobody.
        below_jvm = [one for one in driver.workers() if one.ppid == driver.jvm]
        assert ([one.pid for one in below_jvm] == [parent]) == (conf is OFF), below_jvm


def test_each_has_a_zygote_or_none(context):
    for conf in ON, ZYGOTE_OFF, ON:
        ways = context(conf)(parents).ways
        assert ways == {"daemon"} if conf is ZYGOTE_OFF else all_forked(ways), ways


def test_each_loads_its_own_modules_ahead(context, tmp_path):
    names = ["of_one", "of_another"]
    for name in names:
        (tmp_path / f"{name}.py").write_text("import os\nloader = os.getpid()\n")

    def loaded_ahead(spark):
        def look(_):
            import importlib
            import os

            return {name for name in names if importlib.import_module(name).loader != os.getpid()}

        return spark.sparkContext.parallelize([0], 1).map(look).first()

    conf = {**FRESH, "spark.executorEnv.PYTHONPATH": str(tmp_path)}
    for name in names:
        run = context({**conf, "spark.nativePythonWorker.preload": name})
        assert eventually(lambda: run(loaded_ahead).value) == {name}

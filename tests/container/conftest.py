"""Fixtures: executors in containers, each with a driver of its own."""

import pytest
from containers import Executor, need_root

from harness import NOTHING_TO_LOAD, Driver, Setup

pytest_plugins = ["whole_run"]


@pytest.fixture(scope="module")
def driver(tmp_path_factory, is_native):
    """All tests share its JVM; each has a context and an executor of its own."""
    need_root()
    shared = Driver(Setup(native=is_native), tmp_path_factory.mktemp("driver"))
    yield shared
    assert shared.close() == 0


@pytest.fixture
def run(driver, tmp_path):
    """run(container, job): the executor, and what the job has returned."""
    started = []

    def run_job(container, job, **conf):
        executor = Executor(container, tmp_path / f"executor-{len(started)}")
        started.append(executor)
        return executor, driver.run(job, conf={**NOTHING_TO_LOAD, **executor.conf, **conf})

    yield run_job
    driver.run(lambda spark: None, stop=True)

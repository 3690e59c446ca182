"""Fixtures: executors in containers, each with a driver of its own."""

import pytest
from class_archive import NO_SETTINGS
from containers import Executor, need_root

from harness import JAR, NOTHING_TO_LOAD, Driver, Setup


def pytest_addoption(parser):
    parser.addoption(
        "--factory", choices=("native", "stock"), default="native", help="stock: on Spark's own factory, to check the tests"
    )


def pytest_configure():
    NO_SETTINGS.mkdir(parents=True, exist_ok=True)
    if not JAR.is_file():
        raise pytest.UsageError(f"no jar at {JAR}: build it with `gradle jar`")


@pytest.fixture(scope="session")
def is_native(request):
    return request.config.getoption("factory") == "native"


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

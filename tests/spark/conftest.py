"""Fixtures: drivers that many tests share, and drivers of a test's own."""

import os
import re
from pathlib import Path

import pytest

from harness import NATIVE_FACTORY, NOTHING_TO_LOAD, STOCK_FACTORY, VERSION, Driver, Setup

pytest_plugins = ["whole_run"]
NEWEST = (4, 3)


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also the tests that are marked as long")


def pytest_configure(config):
    config.addinivalue_line("markers", "native_only(reason): what it asserts does not hold on Spark's own factory")
    config.addinivalue_line("markers", "long: left out but with --long, as `./test --all` has it")
    config.addinivalue_line("markers", "alike(reason): the same on every Spark, so only the newest has it, but with --long")
    config.addinivalue_line("markers", "matrix: short, and shows that a Spark, a Java and a Python get along with this")
    config.addinivalue_line("markers", "since(major, minor): the first Spark version that has the feature")


def pytest_collection_modifyitems(config, items):
    """Takes out what this Spark version does not have, what takes long, and in a stock run what stock Spark does not do."""
    kept, left_out = [], []
    in_matrix = "matrix" in config.getoption("markexpr")
    for item in items:
        since = item.get_closest_marker("since")
        absent = since is not None and since.args > VERSION
        stock = config.getoption("factory") == "stock" and item.get_closest_marker("native_only")
        alike = item.get_closest_marker("alike") and VERSION < NEWEST and not in_matrix
        long = (item.get_closest_marker("long") or alike) and not config.getoption("long")
        (left_out if absent or stock or long else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


class Drivers:
    """Drivers by their setup; one that was lost is replaced."""

    def __init__(self, directory):
        self.directory = directory
        self.started = {}
        self.count = 0

    def get(self, setup):
        driver = self.started.get(setup)
        if driver is None or not driver.usable:
            self.count += 1
            driver = self.started[setup] = Driver(setup, self.directory / f"driver-{self.count}")
        return driver

    def close(self):
        statuses = {setup: driver.close() for setup, driver in self.started.items() if driver.usable}
        assert not any(statuses.values()), f"drivers ended with {statuses}"


@pytest.fixture(scope="session")
def log_directory(tmp_path_factory):
    """Where drivers keep their logs: a folder that outlives the run if the caller named one."""
    named = os.environ.get("NATIVE_PYTHON_WORKER_TEST_LOGS")
    return Path(named) if named else tmp_path_factory.mktemp("drivers")


@pytest.fixture(scope="session")
def drivers(log_directory):
    shared = Drivers(log_directory / "shared")
    yield shared
    shared.close()


@pytest.fixture
def observe(record_property):
    """observe(6, "the task fails"): what was seen of a case, for the table in docs/faults.md."""

    def note(case, seen):
        record_property("fault", f"{case}: {seen}")

    return note


@pytest.fixture
def driver(drivers, is_native):
    """The driver under test, shared by most tests."""
    return drivers.get(Setup(native=is_native))


@pytest.fixture
def stock(drivers):
    """A driver of stock Spark, to compare with."""
    return drivers.get(Setup(native=False))


def leaves_all_to_the_zygote(conf):
    """Whether there is nothing that would keep it busy, or from being used."""
    others = {"spark.nativePythonWorker.zygote.enabled", "spark.python.daemon.module"}
    return NOTHING_TO_LOAD.items() <= conf.items() and not conf.keys() & others


@pytest.fixture
def run(driver, is_native):
    """Runs a job on the shared driver and checks which factory served it, and by which way."""

    def run_job(job, **options):
        outcome = driver.run(job, **options)
        expected = NATIVE_FACTORY if is_native else STOCK_FACTORY
        assert set(outcome.factories) <= {expected}
        if is_native and leaves_all_to_the_zygote(options.get("conf") or {}):
            assert "daemon" not in outcome.ways  # it would hide what is wrong with the zygote
        return outcome

    return run_job


@pytest.fixture(scope="module")
def modules_driver(request, log_directory, is_native):
    """A driver that only the tests of one module share, each with contexts of its own."""
    driver = Driver(Setup(native=is_native), log_directory / request.module.__name__)
    yield driver
    assert driver.close() == 0


@pytest.fixture
def launch(request, log_directory, is_native):
    """Starts drivers for one test only: launch(jar_by="classpath", ...)."""
    own = []

    def start(native=is_native, **options):
        name = re.sub(r"\W+", "-", request.node.name).strip("-")
        driver = Driver(Setup(native=native, **options), log_directory / f"{name}-{len(own) + 1}")
        own.append(driver)
        return driver

    yield start
    for driver in own:
        driver.close()

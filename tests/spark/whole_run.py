"""What holds for a whole run of tests with a Spark: on which factory it is, and where its JVMs put what they leave."""

import shutil

import pytest
from class_archive import NO_SETTINGS, TEMPORARY

from harness import JAR


def pytest_addoption(parser):
    parser.addoption(
        "--factory",
        choices=("native", "stock"),
        default="native",
        help="stock: run the same tests on Spark's own factory, to check the tests themselves",
    )


def pytest_configure(config):
    if config.getoption("factory") == "native" and not JAR.is_file():
        raise pytest.UsageError(f"no jar at {JAR}: build it with `gradle jar`")
    for folder in (NO_SETTINGS, TEMPORARY):
        folder.mkdir(parents=True, exist_ok=True)


def pytest_unconfigure():
    shutil.rmtree(TEMPORARY, ignore_errors=True)


@pytest.fixture(scope="session")
def is_native(request):
    """True unless the whole run was asked to use Spark's own factory."""
    return request.config.getoption("factory") == "native"

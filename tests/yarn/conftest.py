"""Fixtures: YARNs, one that most tests share."""

import shutil

import pytest
from class_archive import NO_SETTINGS
from cluster import Yarn, hadoop_jars

from harness import JAR


def pytest_addoption(parser):
    parser.addoption(
        "--factory", choices=("native", "stock"), default="native", help="stock: on Spark's own factory, to check the tests"
    )


def pytest_configure():
    NO_SETTINGS.mkdir(parents=True, exist_ok=True)
    for needed, how in ((JAR, "gradle jar"), (hadoop_jars(), "./test yarn")):
        if not needed.exists():
            raise pytest.UsageError(f"there is no {needed}: `{how}` makes it")


@pytest.fixture(scope="session")
def is_native(request):
    return request.config.getoption("factory") == "native"


@pytest.fixture(scope="session")
def yarn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("yarn")
    with Yarn(folder) as cluster:
        yield cluster
    shutil.rmtree(folder / "local", ignore_errors=True)

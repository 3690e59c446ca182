"""Fixtures: YARNs, one that most tests share."""

import shutil

import pytest
from cluster import Yarn, hadoop_jars

pytest_plugins = ["whole_run"]


def pytest_configure():
    if not hadoop_jars().exists():
        raise pytest.UsageError(f"there is no {hadoop_jars()}: `./test yarn` makes it")


@pytest.fixture(scope="session")
def yarn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("yarn")
    with Yarn(folder) as cluster:
        yield cluster
    shutil.rmtree(folder / "local", ignore_errors=True)

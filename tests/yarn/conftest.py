"""Fixtures: a YARN that the tests share, and an HDFS."""

import shutil

import pytest
from cluster import Hdfs, Yarn, hadoop_jars

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


@pytest.fixture
def hdfs(tmp_path):
    with Hdfs(tmp_path) as service:
        yield service

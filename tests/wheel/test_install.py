"""Each way to install it, on stock PySpark."""

import json
import os

import pytest
from conftest import APPLICATION

NATIVE = ["io.nativepythonworker.spark4.Spark4WorkerFactory"]
STOCK = ["org.apache.spark.api.python.PythonWorkerFactory"]


@pytest.mark.long
def test_without_it_spark_is_stock(user):
    assert user.factories(f"python {APPLICATION}") == STOCK


def test_a_program_switches_it_on(user):
    assert user.factories(f"python {APPLICATION} configure") == NATIVE


def test_arguments_for_spark_submit(user):
    assert user.factories(f"spark-submit $(native-python-worker submit-args) {APPLICATION}") == NATIVE


def test_a_program_that_is_too_late_is_told_so_and_runs(user):
    shown = user.run(f"spark-submit {APPLICATION} configure 2>&1")
    assert "the JVM runs already" in shown
    assert json.dumps(STOCK) in shown


def test_lines_for_spark_defaults(user, tmp_path):
    user.run("native-python-worker conf > spark-defaults.conf")
    assert user.factories(f"python {APPLICATION}", SPARK_CONF_DIR=str(tmp_path)) == NATIVE


@pytest.mark.long
@pytest.mark.skipif("NATIVE_PYTHON_WORKER_REPOSITORY" not in os.environ, reason="nothing was published")
def test_packages_of_a_repository(user, tmp_path):
    repository = os.environ["NATIVE_PYTHON_WORKER_REPOSITORY"]
    version = user.run("python -c 'from importlib.metadata import version; print(version(\"native-python-worker\"))'").strip()
    found = user.factories(
        f"spark-submit --conf spark.jars.ivy={tmp_path}/ivy --repositories file://{repository}"
        f" --packages io.nativepythonworker:native-python-worker:{version}"
        f" --conf spark.plugins=io.nativepythonworker.NativePythonWorkerPlugin {APPLICATION}"
    )
    assert found == NATIVE

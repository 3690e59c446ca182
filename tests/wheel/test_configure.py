"""`configure` drops nothing that a user has set elsewhere, and says so where it cannot be heard; the arguments for spark-submit."""

import json
import shutil

import pytest
from conftest import USER

CONFIGURED = """
from pyspark.sql import SparkSession
import native_python_worker
builder = SparkSession.builder
for key, value in json.loads(sys.argv[1]).items():
    builder = builder.config(key, value)
print(json.dumps(native_python_worker.configure(builder)._options))
"""
PLUGIN = "io.nativepythonworker.NativePythonWorkerPlugin"
DEFAULTS = "# ours\nspark.jars\t /opt/a.jar, /opt/b.jar \nspark.plugins=com.example.Plugin\nspark.jars.ivy /opt/ivy\n"


def configured(program, options=None, **variables):
    [result] = program.run(CONFIGURED, json.dumps(options or {}), **variables)
    return result["spark.jars"].split(","), result["spark.plugins"].split(",")


def test_what_the_defaults_of_spark_name_is_kept(program, tmp_path):
    (tmp_path / "spark-defaults.conf").write_text(DEFAULTS)
    conf = {"SPARK_CONF_DIR": str(tmp_path)}
    jars, plugins = configured(program, **conf)
    assert jars[:-1] == ["/opt/a.jar", "/opt/b.jar"]
    assert jars[-1].endswith("/native-python-worker.jar")
    assert plugins == ["com.example.Plugin", PLUGIN]
    # As on stock Spark the program's word goes before the file's.
    assert configured(program, {"spark.plugins": "com.example.Other"}, **conf)[1] == ["com.example.Other", PLUGIN]
    assert configured(program)[1] == [PLUGIN]


@pytest.mark.parametrize(
    ("options", "arguments", "begin"),
    [
        ({}, "", "local:/"),
        ({"spark.master": "local[4]"}, "", "local:/"),
        ({"spark.master": "local-cluster[2,1,1024]"}, "", "/"),
        ({"spark.master": "spark://here:7077"}, "", "/"),
        ({}, "--master yarn pyspark-shell", "/"),
    ],
)
def test_in_one_process_the_jar_is_not_sent_to_executors(program, options, arguments, begin):
    jars, _ = configured(program, options, PYSPARK_SUBMIT_ARGS=arguments)
    assert jars[0].startswith(begin)


@pytest.mark.parametrize(
    "arguments",
    [
        "--jars /opt/kafka.jar pyspark-shell",
        "'--jars' '/opt/kafka.jar' pyspark-shell",
        "--jars=/opt/kafka.jar pyspark-shell",
        "--conf spark.jars=/opt/kafka.jar pyspark-shell",
        "--conf spark.plugins=com.example.Plugin pyspark-shell",
        "--properties-file ours.conf pyspark-shell",
    ],
)
def test_what_would_hide_it_is_told_and_left_alone(program, arguments):
    done = program.start(CONFIGURED, "{}", PYSPARK_SUBMIT_ARGS=arguments)
    assert json.loads(done.stdout) == {}
    assert "RuntimeWarning: PYSPARK_SUBMIT_ARGS names jars, plugins or a file of settings" in done.stderr


def test_other_arguments_hide_nothing(program):
    assert configured(program, PYSPARK_SUBMIT_ARGS="--packages a:b:1 --conf spark.jars.ivy=/x pyspark-shell")[1] == [PLUGIN]


def test_a_path_that_a_shell_would_split_is_refused(user, tmp_path):
    [package] = (USER / "lib").glob("*/site-packages/native_python_worker")
    shutil.copytree(package, tmp_path / "my env/native_python_worker", ignore=shutil.ignore_patterns("*.jar"))
    command = "python -m native_python_worker submit-args 2>&1"
    shown = user.run(command, status=1, PYTHONPATH=str(tmp_path / "my env"))
    assert f"--jars '{tmp_path}/my env/native_python_worker/native-python-worker.jar'" in shown

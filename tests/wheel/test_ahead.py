"""What `configure` has loaded ahead of what the program has imported: only what is on its list, and only where it is sure."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import USER

PRELOAD = "spark.nativePythonWorker.preload"
PACKAGES = ("sklearn", "sklearn/linear_model", "sklearn/of_ours", "networkx")
IMPORTED = "import sklearn.linear_model, sklearn.of_ours, networkx"
ADDED = "+sklearn.linear_model,networkx"
PROGRAM = """
import json
import native_python_worker
from pyspark.sql import SparkSession
{imports}
builder = SparkSession.builder.config("some", "thing"){more}
builder = native_python_worker.configure(native_python_worker.configure(builder))
print(json.dumps(builder._options))
"""


def make(folder):
    """Packages that only have the names of those on the list."""
    for name in PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()


class Program:
    """One that runs in an environment of its own, with what a user has in the environment of the wheel."""

    def __init__(self, folder):
        self.folder = folder
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.python = folder / "venv/bin/python"
        [self.site] = (folder / "venv/lib").glob("*/site-packages")
        [theirs] = (USER / "lib").glob("*/site-packages")
        (self.site / "user.pth").write_text(str(theirs))
        self.own = folder / "program"
        self.own.mkdir()

    def options(self, imports=IMPORTED, more="", **variables):
        """What the builder has."""
        (self.own / "program.py").write_text(PROGRAM.format(imports=imports, more=more))
        environment = {"PATH": f"{self.python.parent}:/usr/bin:/bin", "HOME": str(self.folder), **variables}
        command = [self.python, "program.py"]
        done = subprocess.run(command, cwd=self.own, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def preload(self, **how):
        return self.options(**how).get(PRELOAD)


@pytest.fixture
def program(tmp_path):
    return Program(tmp_path)


def test_what_the_program_has_imported_and_is_known_to_be_safe_is_added(program):
    make(program.site)
    options = program.options()
    assert options[PRELOAD] == ADDED
    assert options["some"] == "thing"
    assert "spark.plugins" in options
    assert program.preload(imports="import sklearn") is None
    assert program.preload(imports="import networkx") == "+networkx"


def test_what_a_user_has_set_is_kept(program, tmp_path):
    make(program.site)
    assert program.preload(more=f".config('{PRELOAD}', '+')") == "+"
    assert program.preload(PYSPARK_SUBMIT_ARGS=f"--conf {PRELOAD}=numpy pyspark-shell") is None
    assert program.preload(PYSPARK_SUBMIT_ARGS="--properties-file x pyspark-shell") is None
    assert program.preload(PYSPARK_SUBMIT_ARGS=f"--conf {PRELOAD}.learn=load pyspark-shell") == ADDED
    defaults = tmp_path / "spark-defaults.conf"
    for line in (f"{PRELOAD} numpy", f"  {PRELOAD}=", f"{PRELOAD}:+a"):
        defaults.write_text(f"# ours\nspark.other 1\n{line}\n")
        assert program.preload(SPARK_CONF_DIR=str(tmp_path)) is None, line
    defaults.write_text(f"# {PRELOAD} numpy\n{PRELOAD}.learn load\n{PRELOAD}Timeout 3s\n")
    assert program.preload(SPARK_CONF_DIR=str(tmp_path)) == ADDED
    home = tmp_path / "home"
    (home / "conf").mkdir(parents=True)
    (home / "conf/spark-defaults.conf").write_text(f"{PRELOAD} numpy\n")
    assert program.preload(SPARK_HOME=str(home)) is None


def test_nothing_is_added_where_tasks_may_have_another_interpreter(program, tmp_path):
    make(program.site)
    versioned = program.python.with_name(f"python3.{sys.version_info[1]}")
    for own in (program.python, versioned):
        assert program.preload(PYSPARK_PYTHON=str(own)) == ADDED
    assert program.preload(PYSPARK_PYTHON="python") == ADDED
    base = Path(sys.base_prefix, "bin/python3").resolve()
    for other in (base, "environment/bin/python", "no_such_python"):
        assert program.preload(PYSPARK_PYTHON=str(other)) is None
    assert program.preload(more=f".config('spark.pyspark.python', '{base}')") is None
    assert program.preload(more=f".config('spark.pyspark.python', '{program.python}')") == ADDED
    assert program.preload(PATH="/usr/bin:/bin") is None


def test_nothing_of_the_programs_own_folder_is_added(program, tmp_path):
    make(program.own)
    assert program.preload() is None
    make(tmp_path / "elsewhere")
    assert program.preload(PYTHONPATH=str(tmp_path / "elsewhere")) is None

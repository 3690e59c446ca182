"""What `configure` has loaded ahead of what the program has imported: only what is on its list, and only where it is sure."""

import json
import sys
from pathlib import Path

PRELOAD = "spark.nativePythonWorker.preload"
PACKAGES = ("scipy", "sklearn", "sklearn/linear_model", "sklearn/of_ours", "scipy/stats")
IMPORTED = "import sklearn.linear_model, sklearn.of_ours, scipy.stats"
ADDED = ["scipy.stats", "sklearn.linear_model"]
CONFIGURED = """
from pyspark.sql import SparkSession
import native_python_worker
builder = SparkSession.builder.config("some", "thing")
for _ in range(2):
    builder = native_python_worker.configure(builder)
print(json.dumps(builder._options))
"""
ASKED = """
from native_python_worker import ahead
inherited = dict(os.environ)
for options, variables in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update({**inherited, **variables})
    print(json.dumps(ahead.modules(options)))
"""


def adds(program, *cases, imports=IMPORTED, **variables):
    """What it adds in each case: with these options of a builder, and these variables."""
    return program.run(f"{imports}\n{ASKED}", json.dumps(cases), **variables)


def make(folder):
    """Packages that only have the names of those on the list."""
    for name in PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()


def test_what_the_program_has_imported_and_is_known_to_be_safe_is_added(program):
    make(program.site)
    [options] = program.run(f"{IMPORTED}\n{CONFIGURED}")
    assert options[PRELOAD] == f"+{','.join(ADDED)}"
    assert options["some"] == "thing"
    assert "spark.plugins" in options
    assert adds(program, [{}, {}], imports="import sklearn") == [[]]
    assert adds(program, [{}, {}], imports="import scipy.stats") == [["scipy.stats"]]


def test_what_a_user_has_set_is_kept(program, tmp_path):
    make(program.site)

    def defaults(number, line):
        folder = tmp_path / f"{number}/conf"
        folder.mkdir(parents=True)
        (folder / "spark-defaults.conf").write_text(f"# ours\nspark.other 1\n{line}\n")
        return folder

    lines = [f"{PRELOAD} numpy", f"  {PRELOAD}=", f"{PRELOAD}:+a"]
    is_set = [
        [{PRELOAD: "+"}, {}],
        [{}, {"PYSPARK_SUBMIT_ARGS": f"--conf {PRELOAD}=numpy pyspark-shell"}],
        [{}, {"PYSPARK_SUBMIT_ARGS": "--properties-file x pyspark-shell"}],
        *([{}, {"SPARK_CONF_DIR": str(defaults(number, line))}] for number, line in enumerate(lines)),
        [{}, {"SPARK_HOME": str(defaults("home", f"{PRELOAD} numpy").parent)}],
    ]
    assert adds(program, *is_set) == [[]] * len(is_set)
    others = f"# {PRELOAD} numpy\n{PRELOAD}.learn load\n{PRELOAD}Timeout 3s"
    is_not_set = [
        [{f"{PRELOAD}.learn": "load"}, {}],
        [{}, {"PYSPARK_SUBMIT_ARGS": f"--conf {PRELOAD}.learn=load pyspark-shell"}],
        [{}, {"SPARK_CONF_DIR": str(defaults("others", others))}],
    ]
    assert adds(program, *is_not_set) == [ADDED] * len(is_not_set)


def test_nothing_is_added_where_tasks_may_have_another_interpreter(program):
    make(program.site)
    own = [str(program.python), str(program.python.with_name("python3")), "python"]
    assert adds(program, *([{}, {"PYSPARK_PYTHON": name}] for name in own)) == [ADDED] * len(own)
    assert adds(program, *([{"spark.pyspark.python": name}, {}] for name in own)) == [ADDED] * len(own)
    others = [str(Path(sys.base_prefix, "bin/python3").resolve()), "environment/bin/python", "no_such_python"]
    assert adds(program, *([{}, {"PYSPARK_PYTHON": name}] for name in others)) == [[]] * len(others)
    assert adds(program, *([{"spark.pyspark.python": name}, {}] for name in others)) == [[]] * len(others)
    assert adds(program, [{}, {"PATH": "/usr/bin:/bin"}]) == [[]]


def test_nothing_of_the_programs_own_folder_is_added(program, tmp_path):
    make(program.own)
    assert adds(program, [{}, {}]) == [[]]
    make(tmp_path / "elsewhere")
    assert adds(program, [{}, {}], PYTHONPATH=str(tmp_path / "elsewhere")) == [[]]

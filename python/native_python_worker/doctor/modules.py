"""Which modules can be loaded ahead, and what each costs."""

import json
import os
import subprocess
from pathlib import Path

from native_python_worker.doctor import spark
from native_python_worker.doctor.finding import ERROR, OK, WARNING, Finding

WORKER = "pyspark.worker"
SECONDS = 120
MIB = 1024 * 1024


def look(spark_home, python, loaded_ahead, preload):
    """A finding for PySpark's worker, for each module of the default list, and for those of `preload`, which are tried first."""
    wanted = [WORKER, *loaded_ahead["modules"], *preload]
    arguments = [WORKER, *loaded_ahead["modules"], "--try", *preload]
    zygote = json.dumps(loaded_ahead["program"])
    environment = {**os.environ, **loaded_ahead["environment"], "PYTHONPATH": spark.python_path(spark_home)}
    program = Path(__file__).with_name("importing.py")
    try:
        run = subprocess.run(
            [python, str(program), *arguments],
            input=zygote,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        output, ending = run.stdout, f"the interpreter ended with {run.returncode}"
    except subprocess.TimeoutExpired as late:
        output, ending = (late.stdout or b"").decode(), f"not loaded after {SECONDS} s"
    except OSError as failure:
        yield Finding("python", ERROR, f"{python}: {failure}", "set PYSPARK_PYTHON")
        return
    told = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    for one in told:
        is_tried = "verdict" in one
        yield verdict(one) if is_tried else finding(one, may_be_missing=one["module"] in loaded_ahead["modules"])
    for name in wanted[len(told) : len(told) + 1]:
        yield Finding(name, ERROR if name == WORKER else WARNING, ending, "import it by hand to see why")


def finding(one, may_be_missing):
    name = one["module"]
    if one["missing"] and may_be_missing:
        return Finding(name, OK, "not installed, and not loaded")
    if one["error"]:
        level = ERROR if name == WORKER else WARNING
        return Finding(name, level, one["error"], "it will be left out" if level == WARNING else "workers can't start")
    if one["threads"]:
        advice = f"set spark.nativePythonWorker.preload to a list without {name}"
        return Finding(name, WARNING, f"starts {one['threads']} threads when it is imported: will be left out", advice)
    return Finding(name, OK, fine(one))


def verdict(one):
    """Of the trial that the zygote makes of what workers import."""
    name, why = one["module"], one["why"]
    if one["verdict"] != "tried":
        return Finding(name, WARNING, f"its trial has come to nothing: {why}", "try again")
    if why:
        return Finding(name, WARNING, f"can't be loaded ahead: it {why}", "do not name it in spark.nativePythonWorker.preload")
    return Finding(name, OK, fine(one))


def fine(one):
    return f"can be loaded ahead: {one['millis']} ms, {one['bytes'] / MIB:.0f} MiB, shared by all workers"

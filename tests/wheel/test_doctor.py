"""The doctor on a machine that is well, and on some that are not."""

import json


def findings(user, status=0, options="", **variables):
    told = json.loads(user.run(f"native-python-worker doctor --json {options}", status=status, **variables))
    return {one["topic"]: one for one in told}


def test_a_machine_that_is_well(user):
    found = findings(user)
    assert found["spark"]["level"] == found["java"]["level"] == found["library"]["level"] == "ok"
    assert "in the jar" in found["library"]["text"]
    assert found["combination"]["text"].startswith("Spark 4.3, Java ")
    assert found["pyspark.worker"]["text"].startswith("can be loaded ahead")
    assert found["pandas"]["text"].startswith("can be loaded ahead")
    assert {"processes", "descriptors", "memory"} <= found.keys()


def test_people_get_text_and_a_verdict(user):
    text = user.run("native-python-worker doctor")
    assert "library: version" in text
    assert text.splitlines()[-1].startswith("The native factory would serve Python here")


def test_no_java(user, tmp_path):
    found = findings(user, status=1, JAVA_HOME=str(tmp_path))
    assert found["java"]["level"] == "error"


def test_no_spark(user, tmp_path):
    found = findings(user, status=1, SPARK_HOME=str(tmp_path))
    assert list(found) == ["spark"]


def test_no_such_interpreter(user, tmp_path):
    found = findings(user, status=1, options=f"--python {tmp_path}/python")
    assert found["python"]["level"] == "error"


def test_a_directory_that_no_library_can_be_loaded_from(user, tmp_path):
    found = findings(user, status=1, JDK_JAVA_OPTIONS=f"-Djava.io.tmpdir={tmp_path}/missing")
    assert found["library"]["level"] == "error"
    assert "missing" in found["library"]["text"]


def test_an_interpreter_without_pandas_that_hangs_up_in_a_module(user, tmp_path):
    """It has no pyarrow, its numpy starts a thread, and its pandas ends the interpreter."""
    (tmp_path / "numpy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    (tmp_path / "pandas.py").write_text("import os\nos._exit(3)\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path}:$PYTHONPATH exec python -I -c "import sys; {START}" "$@"\n')
    python.chmod(0o755)
    found = findings(user, options=f"--python {python}")
    assert "starts 1 threads" in found["numpy"]["text"]
    assert "ended with 3" in found["pandas"]["text"]
    findings(user, status=1, options=f"--strict --python {python}")


def test_modules_that_a_user_names(user, tmp_path):
    (tmp_path / "features.py").write_text("TABLE = list(range(1000))\n")
    found = findings(user, options="--preload +features,no_such_module", PYTHONPATH=str(tmp_path))
    assert found["features"]["text"].startswith("can be loaded ahead")
    assert found["no_such_module"]["level"] == "warning"
    assert "No module named" in found["no_such_module"]["text"]


def test_they_are_tried_as_the_zygote_tries_what_workers_import(user, tmp_path):
    modules = {
        "starts": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "keeps": "import socket\nkept = socket.socket()\n",
        "ends": "import os\nos._exit(3)\n",
        "state": "import keeps_nothing\n",
        "keeps_nothing": "",
        "warns": "import warnings\nwarnings.simplefilter('once', UserWarning)\n",
    }
    for name, text in modules.items():
        (tmp_path / f"{name}.py").write_text(text)
    found = findings(user, options=f"--preload {','.join(modules)}", PYTHONPATH=str(tmp_path))
    said = {name: found[name]["text"] for name in modules}
    assert said["starts"] == "can't be loaded ahead: it starts threads"
    assert said["keeps"] == "can't be loaded ahead: it keeps a socket open"
    assert said["ends"] == "can't be loaded ahead: it ends the interpreter when it is imported"
    assert all(said[name].startswith("can be loaded ahead: ") for name in ("state", "keeps_nothing", "warns"))
    assert {found[name]["level"] for name in ("starts", "keeps", "ends")} == {"warning"}


# Runs the program that is its argument with the modules of this folder first.
START = "import os; sys.path[:0] = os.environ['PYTHONPATH'].split(':'); sys.argv.pop(0); exec(open(sys.argv[0]).read())"

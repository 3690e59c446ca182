"""The programs in examples/, as a user runs them."""

import json
import re
import subprocess

import pytest
from conftest import ROOT

EXAMPLES = ROOT / "examples"
STARTED = re.compile(r"Spark Connect server started at: \S*:(\d+)\s")


@pytest.mark.long
def test_submit(user):
    shown = user.run(f"spark-submit $(native-python-worker submit-args) {EXAMPLES}/submit.py")
    assert "|Tuesday|   20.0|" in shown


@pytest.mark.long
def test_preload(user):
    lines = user.run(f"python {EXAMPLES}/preload.py").splitlines()
    assert [line.split(":")[0] for line in lines] == ["xml.dom.minidom"] * 4


@pytest.mark.long
def test_notebook(user, tmp_path):
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text())["cells"]
    *code, stop = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    look = "import factories\nprint(factories.factories(spark.sparkContext))"
    program = tmp_path / "notebook.py"
    program.write_text("\n\n".join([*code, look, stop]))
    shown = user.run(f"python {program}", PYTHONPATH=str(ROOT / "tests/wheel"))
    assert "|    16|" in shown and "Spark4WorkerFactory" in shown


@pytest.fixture
def server(user, tmp_path):
    """The address of a Connect server, started by the command that the example names, but on a free port."""
    home = user.run("python -c 'import pyspark; print(pyspark.__path__[0])'").strip()
    start = (
        f"SPARK_LOG_DIR={tmp_path} SPARK_PID_DIR={tmp_path} {home}/sbin/start-connect-server.sh $(native-python-worker submit-args)"
        " --conf spark.connect.grpc.binding.port=0 --conf spark.connect.grpc.binding.address=127.0.0.1"
    )
    user.run(start)
    try:
        log = f"for n in $(seq 120); do grep -h 'server started at' {tmp_path}/*.out && exit; sleep 1; done; cat {tmp_path}/*.out; exit 1"
        yield f"sc://127.0.0.1:{STARTED.search(user.run(log))[1]}"
    finally:
        subprocess.run(
            [f"{home}/sbin/stop-connect-server.sh"], env={"SPARK_PID_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True
        )


@pytest.mark.long
def test_connect(user, server):
    assert "|  Hello, Ada!|" in user.run(f"python {EXAMPLES}/connect.py {server}")

"""Python that cannot be started: Spark's own message, at once or within a deadline, and no harm to later jobs."""

import os
import stat
import sys

import pytest
from faults import told
from processes import eventually, survivors

from harness import NOTHING_TO_LOAD, VERSION
from ways import all_forked

JUNK = "print('Welcome to the company Python!', flush=True)\n"
REFUSAL = "import os, sys\nsys.stderr.write('no licence found\\nask your admin\\n')\nsys.stderr.flush()\nos._exit(7)\n"
CHATTER = "import sys\nsys.stderr.write('chatter\\n' * 40000)\n"


def counting(spark):
    return spark.sparkContext.parallelize(range(4), 2).map(lambda n: n).count()


@pytest.fixture
def start_with(run, tmp_path):
    """Runs a job whose workers start with this sitecustomize module; then checks that the next job works."""

    def start(text, conf=None):
        (tmp_path / "sitecustomize.py").write_text(text)
        outcome = run(counting, conf={"spark.executorEnv.PYTHONPATH": str(tmp_path), **(conf or {})})
        assert run(counting).value == 4
        return outcome

    return start


def test_missing_interpreter(run, observe):
    outcome = run(counting, environment={"PYSPARK_PYTHON": "/no/such/python"})
    observe(14, f"missing: a job {told(outcome)}")
    error = outcome.error
    assert 'Cannot run program "/no/such/python"' in error
    assert "error=2, No such file or directory" in error
    assert run(counting).value == 4


@pytest.mark.alike("processes, and nothing of Spark's")
def test_interpreter_that_is_not_one(run, tmp_path, observe):
    impostor = tmp_path / "python"
    impostor.write_text("#!/bin/sh\necho I am no python >&2\nexit 3\n")
    impostor.chmod(impostor.stat().st_mode | stat.S_IXUSR)
    outcome = run(counting, environment={"PYSPARK_PYTHON": str(impostor)})
    observe(14, f"a script that is none: a job {told(outcome)}")
    error = outcome.error
    assert "Error from python worker" in error
    assert "I am no python" in error
    assert run(counting).value == 4


@pytest.mark.alike("processes, and nothing of Spark's")
@pytest.mark.parametrize("how", ['exec {} "$@"\n', '{} "$@"\nexit $?\n'], ids=["is replaced by Python", "waits for Python"])
def test_wrapper_script_as_interpreter(run, driver, tmp_path, is_native, how):
    wrapper = tmp_path / "python"
    wrapper.write_text("#!/bin/sh\nexport WRAPPED=yes\n" + how.format(sys.executable))
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)

    def job(spark):
        return spark.sparkContext.parallelize([0], 1).map(lambda _: os.environ["WRAPPED"]).first()

    environment = {"PYSPARK_PYTHON": str(wrapper)}
    outcome = run(job, conf=NOTHING_TO_LOAD, environment=environment)
    assert outcome.value == "yes"
    assert not is_native or all_forked(outcome.ways), outcome.ways
    below = [one.pid for one in driver.workers()]
    assert below
    run(job, conf=NOTHING_TO_LOAD, environment=environment, stop=True)
    assert not survivors(below)
    assert eventually(lambda: not driver.workers()), driver.workers()


def test_junk_on_standard_output(start_with):
    error = start_with(JUNK, {"spark.nativePythonWorker.zygote.enabled": "false"}).error
    assert "Bad data in pyspark.daemon's standard output. Invalid port number" in error
    assert "(0x57656c63)" in error  # 'Welc'
    assert "Python command to execute the daemon was:" in error
    assert " -m pyspark.daemon" in error
    assert "Also, check if you have a sitecustomize.py module in your python path," in error
    assert "or in your python installation, that is printing to standard output" in error


@pytest.mark.alike("processes, and nothing of Spark's")
def test_junk_on_standard_output_harms_no_zygote(start_with, is_native, observe):
    outcome = start_with(JUNK, NOTHING_TO_LOAD)
    observe(13, f"a job {told(outcome)}")
    if is_native:
        assert outcome.value == 4
        assert outcome.logged("Welcome to the company Python!")
    else:
        assert outcome.error  # it takes the first bytes for a port


def test_stderr_of_a_failed_start_is_in_the_message(start_with):
    error = start_with(REFUSAL).error
    assert "Error from python worker:" in error
    assert "  no licence found\n  ask your admin" in error
    assert "PYTHONPATH was:" in error
    assert "EOFException occurred while reading the port number from pyspark.daemon's stdout" in error


@pytest.mark.alike("processes, and nothing of Spark's")
@pytest.mark.native_only("stock Spark reads stderr after the port only and waits forever")
def test_much_stderr_before_the_port(start_with):
    outcome = start_with(CHATTER)
    assert outcome.value == 4
    assert outcome.logged("chatter")


@pytest.mark.alike("processes, and nothing of Spark's")
def test_daemon_module_that_is_not_there(run, observe):
    outcome = run(counting, conf={"spark.python.daemon.module": "no_such_daemon"})
    observe(15, f"the daemon's is missing: a job {told(outcome)}")
    error = outcome.error
    assert "Error from python worker:" in error
    assert "No module named no_such_daemon" in error
    assert run(counting).value == 4


@pytest.mark.alike("processes, and nothing of Spark's")
def test_daemon_module_that_says_nothing(run, tmp_path):
    """It closes stdout and lives on: Spark waits 10 s for its stderr, then says what it knows."""
    (tmp_path / "mute_daemon.py").write_text("import os, time\nos.close(1)\ntime.sleep(600)\n")
    conf = {"spark.python.daemon.module": "mute_daemon", "spark.executorEnv.PYTHONPATH": str(tmp_path)}
    error = run(counting, conf=conf).error
    assert "EOFException occurred while reading the port number from mute_daemon's stdout" in error
    assert run(counting).value == 4


def test_simple_worker_that_fails_to_connect(start_with):
    error = start_with(REFUSAL, {"spark.python.use.daemon": "false"}).error
    assert "Python worker failed to connect back" in error


def test_worker_python_older_than_the_drivers_is_told(run, tmp_path):
    """A check of PySpark's own, in the worker's first answer."""

    def job(spark):
        spark.sparkContext.pythonVer = "2.7"
        return counting(spark)

    error = run(job, conf={"spark.app.name": "other python"}).error
    assert "2.7" in error
    if VERSION >= (4, 0):
        assert "PYTHON_VERSION_MISMATCH" in error

"""Concurrent sessions of real Spark Connect clients: what they share, and what they must not see of one another."""

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from connect import CLIENT_SECONDS, Server
from faults import left_behind
from processes import eventually, zygotes
from pyspark import cloudpickle

from harness import NOTHING_TO_LOAD

# No worker could import it.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
pytestmark = pytest.mark.since(4, 0)
SESSIONS = 8


@pytest.fixture(scope="module")
def start(tmp_path_factory, is_native):
    """Starts a server: start({"spark.name": "value"})."""
    started = []

    def start_server(conf=None):
        started.append(Server(tmp_path_factory.mktemp("connect"), is_native, conf or {}))
        return started[-1]

    yield start_server
    for server in started:
        server.close()


@pytest.fixture(scope="module")
def server(start):
    """The server that most tests share, as many sessions do."""
    return start()


def value_of(session, function):
    """What a plain UDF without arguments to speak of returns in this session, as text."""
    from pyspark.sql.functions import udf

    call = udf(lambda _: str(function()), "string")
    return session.range(0, 1, 1, 1).select(call("id")).collect()[0][0]


def test_sessions_that_start_at_once(server, is_native):
    def first_udf(session, number):
        import pandas
        from pyspark.sql.functions import pandas_udf

        @pandas_udf("long")
        def add(values: pandas.Series) -> pandas.Series:
            return values + number

        total = sum(row[0] for row in session.range(100).select(add("id")).collect())
        return total, int(value_of(session, os.getppid))

    def imported():
        return "pyarrow.vendored.version" in sys.modules

    # What has a long import before it may be given to PySpark's daemon, of which each session has its own.
    assert not is_native or eventually(lambda: value_of(server.session(), imported) == "True")
    found = server.at_once(first_udf, SESSIONS)
    assert [total for total, _ in found] == [4950 + 100 * number for number in range(SESSIONS)]
    # Stock Spark has a daemon for each session.
    assert len({parent for _, parent in found}) == (1 if is_native else SESSIONS)


def test_an_artifact_is_seen_by_its_own_session_only(server, tmp_path):
    def use(session, number):
        module = tmp_path / str(number) / "of_this_session.py"
        module.parent.mkdir()
        module.write_text(f"VALUE = {number}\n")
        session.addArtifact(str(module), pyfile=True)

        def imported():
            import of_this_session

            return of_this_session.VALUE

        return [value_of(session, imported) for _ in range(3)]

    def lacks(session, _):
        import importlib.util

        return value_of(session, lambda: importlib.util.find_spec("of_this_session"))

    assert server.at_once(use, SESSIONS) == [[str(number)] * 3 for number in range(SESSIONS)]
    assert server.at_once(lacks, 2) == ["None", "None"]


def test_sessions_see_nothing_of_one_another(server):
    def leave_traces():
        import builtins
        import sys
        import types

        import pandas

        os.environ["LEFT_BEHIND"] = builtins.left_behind = pandas.left_behind = "yes"
        sys.modules["left_behind"] = types.ModuleType("left_behind")
        with open("left_behind", "w") as file:
            file.write("yes")
        return os.getcwd()

    def find_traces():
        import builtins
        import sys

        import pandas

        found = [hasattr(where, "left_behind") for where in (builtins, pandas)]
        return [*found, "LEFT_BEHIND" in os.environ, "left_behind" in sys.modules, os.path.exists("left_behind")]

    nothing = str([False] * 5)
    session = server.session()
    directory = value_of(session, leave_traces)
    # Another worker may serve the second task: the first is released a little after its task.
    assert eventually(lambda: value_of(session, leave_traces) and value_of(session, find_traces) == str([True] * 5))
    others = server.at_once(lambda other, _: (value_of(other, find_traces), value_of(other, os.getcwd)), SESSIONS)
    assert {traces for traces, _ in others} == {nothing}
    assert len({directory, *(other for _, other in others)}) == SESSIONS + 1


@pytest.fixture(scope="module")
def idle_server(start):
    """A server whose zygote forks every worker, as no import keeps it busy."""
    return start(NOTHING_TO_LOAD)


@pytest.fixture
def undisturbed(idle_server, tmp_path):
    """Checks that a task of one session computes on while another session runs a function, whatever becomes of that."""
    begun, over = tmp_path / "begun", tmp_path / "over"
    begun.mkdir()

    def compute():
        import os
        import time

        (begun / str(os.getpid())).touch()
        while not over.exists():
            time.sleep(0.01)
        return os.getpid()

    def check(function):
        with ThreadPoolExecutor(1) as client:
            computing = client.submit(value_of, idle_server.session(), compute)
            try:
                assert eventually(lambda: os.listdir(begun))
                session = idle_server.session()
                with suppress(Exception):
                    value_of(session, function)
                # It takes whoever was signalled, or the successor.
                for other in session, idle_server.session():
                    assert value_of(other, lambda: "works") == "works"
            finally:
                over.touch()
            assert [computing.result(CLIENT_SECONDS)] == os.listdir(begun)  # one attempt, which came to its end

    return check


def signalling(generations, number):
    """What signals the task's parent, or that one's parent."""

    def send():
        import psutil

        os.kill(psutil.Process().parents()[generations - 1].pid, number)

    return send


def test_a_session_that_kills_its_process_group_leaves_others_alone(undisturbed):
    undisturbed(lambda: os.killpg(0, signal.SIGKILL))


SIGNALS = [signal.SIGTERM, *(pytest.param(number, marks=pytest.mark.long) for number in (signal.SIGHUP, signal.SIGINT))]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize(
    "generations",
    [1, pytest.param(2, marks=pytest.mark.native_only("there it is the server"))],
    ids=["parent", "grandparent"],
)
def test_a_session_that_signals_its_workers_ancestors_leaves_others_alone(undisturbed, generations, number):
    undisturbed(signalling(generations, number))


def test_a_killed_zygote_takes_no_worker_of_another_session(undisturbed):
    undisturbed(signalling(1, signal.SIGKILL))


@pytest.mark.native_only("stock Spark starts Python with the first task")
@pytest.mark.parametrize("master", [pytest.param("local[4]", marks=pytest.mark.long), "local-cluster[1,4,1024]"])
def test_what_was_started_ahead_serves_the_sessions(start, master):
    server = start({**NOTHING_TO_LOAD, "spark.master": master})
    (zygote,) = eventually(lambda: zygotes(server.python_processes()))
    assert set(server.at_once(lambda session, _: value_of(session, os.getppid), 2)) == {str(zygote)}


@pytest.mark.long
def test_sessions_that_are_gone_leave_nothing(start, is_native, observe):
    server = start(
        {
            **NOTHING_TO_LOAD,
            "spark.sql.execution.pythonUDF.arrow.enabled": "false",  # with it, each worker would import pandas
            "spark.nativePythonWorker.idleTimeout": "2s",
            "spark.nativePythonWorker.zygote.idleTimeout": "4s",
            "spark.nativePythonWorker.prewarm": "false",
        }
    )
    used = set()
    for _ in range(3):
        told = server.at_once(lambda session, number: value_of(session, lambda: f"{number} {os.getpid()}"), SESSIONS)
        assert [one.split()[0] for one in told] == [str(number) for number in range(SESSIONS)]
        used |= {int(one.split()[1]) for one in told}
    left, told = left_behind(used | {one.pid for one in server.python_processes()}, is_native)
    observe(38, f"{3 * SESSIONS} sessions: {told}")
    if not is_native:
        return  # it keeps the daemon of each session until the executor ends
    assert not left
    session = server.session()
    assert value_of(session, lambda: "again") == "again"
    session.stop()
    assert eventually(lambda: not server.python_processes())

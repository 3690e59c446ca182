"""Spark Connect sessions that run their first UDF at once, and the processes and memory that they come to."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from processes import parent_of, pss, under_jvm

CLIENTS = Path(__file__).with_name("sessions.py")
# For modules to be loaded ahead; and for allocators to calm down.
BEFORE_SECONDS, SETTLE_SECONDS = 3, 5


def scala_object(package, name):
    return getattr(getattr(package, f"{name}$"), "MODULE$")


@contextmanager
def server(session):
    """A server in this JVM, started and stopped as by Spark's own plugin for it. Gives its address."""
    service = scala_object(session._jvm.org.apache.spark.sql.connect.service, "SparkConnectService")
    service.start(session.sparkContext._jsc.sc())
    try:
        yield f"sc://127.0.0.1:{service.localPort()}"
    finally:
        at_once = scala_object(session._jvm.scala, "None")
        service.stop(at_once, at_once)


def measure(session, sessions):
    with server(session) as address:
        return measure_at(address, sessions)


def measure_at(address, sessions):
    time.sleep(BEFORE_SECONDS)
    command = [sys.executable, str(CLIENTS), address, str(sessions)]
    # Nothing of spark-submit's: it would have them take this application's master for their own.
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
        found = json.loads(clients.stdout.readline() or "null")
        assert found, "the clients failed: see output.txt"
        time.sleep(SETTLE_SECONDS)
        processes = under_jvm()
        clients.stdin.close()
    forkers = {parent_of(one) for one in processes} & {one.pid for one in processes}
    assert len(processes) - len(forkers) > sessions, f"{len(processes)} processes, {len(forkers)} of them fork workers"
    figures = {
        "wall": found["wall"],
        "slowest": found["slowest"],
        "others": len(forkers),
        "pss": sum(map(pss, processes)),
    }
    return figures, found["sum"]

"""A UDF finds itself in the process that stock Spark would have given it."""

import json
import re

import pytest
from together import together

GROUP = "parent leads the process group"
# What may differ between two runs of the same job, even on stock Spark.
VARYING_VARIABLES = {
    "PYTHON_WORKER_FACTORY_SECRET",
    "PYTHON_WORKER_FACTORY_PORT",
    "PYTHON_WORKER_FACTORY_SOCK_DIR",
    "PYTHON_WORKER_FACTORY_SOCK_PATH",
    "PYTHON_FAULTHANDLER_DIR",
    "SPARK_LOCAL_DIRS",
    "SPARK_CONF_DIR",
    "SPARK_ENV_LOADED",
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_GATEWAY_SECRET",
    "_PYSPARK_DRIVER_CALLBACK_HOST",
    "PYSPARK_SPARK_SESSION_UUID",
    "PWD",
    "OLDPWD",
    "_",
}


def self_portrait(spark):
    """What a worker sees of itself, without what varies from run to run."""

    def look(_):
        import faulthandler
        import os
        import re
        import resource
        import signal
        import stat
        import subprocess
        import sys
        import threading

        def kind(fd):
            mode = os.fstat(fd).st_mode
            if stat.S_ISSOCK(mode):
                return "socket"
            if stat.S_ISFIFO(mode):
                return "pipe"
            return re.sub(r"faulthandler-.*", "faulthandler", os.readlink(f"/proc/self/fd/{fd}"))

        def limits():
            names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
            return {name: resource.getrlimit(getattr(resource, name)) for name in names}

        def handlers():
            known = {number: signal.getsignal(number) for number in signal.valid_signals()}
            return {int(number): str(getattr(handler, "__name__", handler)) for number, handler in known.items()}

        def status(name):
            with open("/proc/self/status") as lines:
                return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(name + ":"))

        def parents_name():
            with open(f"/proc/{os.getppid()}/comm") as name:
                return name.read().strip()

        def command_line():
            with open("/proc/self/cmdline") as line:
                return line.read().replace("\0", " ").rstrip()

        def inherited():
            """What a program has open that is started without a thought for descriptors, as `os.system` does."""
            listing = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, close_fds=False, check=True)
            return sorted(re.findall(r"-> (\w+):", listing.stdout.decode()))

        spark_files = re.compile(r"^.*/(userFiles-|spark-)[-0-9a-f]+")
        open_fds = [int(name) for name in os.listdir("/proc/self/fd")]
        return {
            "variables": dict(os.environ),
            "working directory": os.getcwd(),
            "path": [spark_files.sub("<spark files>", entry) for entry in sys.path],
            "arguments": sys.argv,
            "executable": sys.executable,
            "flags": str(sys.flags),
            "main module": getattr(sys.modules["__main__"], "__file__", None),
            "main spec": getattr(getattr(sys.modules["__main__"], "__spec__", None), "name", None),
            "limits": limits(),
            "signal handlers": handlers(),
            "signals blocked": status("SigBlk"),
            "signals ignored": status("SigIgn"),
            "umask": status("Umask"),
            "niceness": os.nice(0),
            "standard files": [kind(fd) for fd in (0, 1, 2)],
            "other files": sorted(kind(fd) for fd in open_fds if fd > 2 and os.path.exists(f"/proc/self/fd/{fd}")),
            "files that its programs inherit": inherited(),
            "leads a process group": os.getpgrp() == os.getpid(),
            GROUP: os.getpgrp() == os.getppid(),
            "own session": os.getsid(0) == os.getpid(),
            "parent": parents_name(),
            "name": status("Name"),
            "command line": command_line(),
            "threads": [thread.name for thread in threading.enumerate()],
            "faulthandler": faulthandler.is_enabled(),
            "encodings": (sys.stdin.encoding, sys.stdout.encoding, sys.getfilesystemencoding()),
            "unbuffered": sys.stdout.line_buffering,
            "user and group": (os.getuid(), os.getgid(), os.getgroups()),
            "garbage collection": __import__("gc").isenabled(),
        }

    return spark.sparkContext.parallelize([0], 1).map(look).first()


# Differences from stock Spark that are meant: in which case, and why.
EXPLAINED = {
    # Python leaves this timeout on the socket for good: stock Spark's 15 s fail every task that is silent for longer.
    "$SPARK_AUTH_SOCKET_TIMEOUT": "spark.python.use.daemon",
}
# What stock's workers have only to get their socket; those of a zygote are given theirs.
HANDSHAKE_VARIABLES = {"PYTHON_WORKER_FACTORY_SECRET", "PYTHON_WORKER_FACTORY_SOCK_DIR"}


def comparable(portrait):
    """A portrait without the names of the driver's own folders, and without variables that always vary."""
    text = json.dumps(portrait, sort_keys=True)
    portrait = json.loads(re.sub(r"/driver-\d+", "/driver", text))
    variables = portrait.pop("variables")
    portrait["names of variables"] = sorted(variables.keys() - HANDSHAKE_VARIABLES)
    for name in variables.keys() - VARYING_VARIABLES:
        portrait[f"${name}"] = variables[name]
    return portrait


@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"spark.python.use.daemon": "false"},
        {"spark.python.worker.reuse": "false"},
        pytest.param({"spark.python.unix.domain.socket.enabled": "true"}, marks=pytest.mark.since(4, 1)),
        {"spark.python.worker.faulthandler.enabled": "true"},
    ],
    ids=["", "simple", "fresh", "unix", "faulthandler"],
)
def test_worker_process_equals_stock(run, stock, is_native, conf, observe):
    ours = comparable(run(self_portrait, conf=conf).value)
    if not conf:
        inherited = ", ".join(ours["files that its programs inherit"])
        observe(
            42, f"a worker has {', '.join(ours['other files'])}; a program that it starts inherits: {inherited or 'nothing'}"
        )
    theirs = comparable(stock.run(self_portrait, conf=conf).value)
    # Whatever the JVM's threads block is not the worker's business. JDK 17 leaves SIGQUIT blocked in stock's, JDK 25 does not.
    blocked = int(ours.pop("signals blocked"), 16), int(theirs.pop("signals blocked"), 16)
    assert blocked[0] == (0 if is_native else blocked[1])
    # A zygote is the parent of other sessions' workers, too: each of them has a group of its own, which it does not lead.
    if is_native and (ours[GROUP], theirs[GROUP]) == (False, True):
        del ours[GROUP], theirs[GROUP]
    meant = {name for name, setting in EXPLAINED.items() if setting in conf}
    differing = {name: (ours[name], theirs[name]) for name in theirs if ours[name] != theirs[name]}
    assert differing.keys() <= meant, differing


def test_random_numbers_differ_between_workers(run):
    def job(spark):
        def draw(_):
            import random
            import time

            time.sleep(0.5)
            return random.random()

        return spark.sparkContext.parallelize(range(2), 2).map(draw).collect()

    drawn = run(job, conf={"spark.python.worker.reuse": "false"}).value
    assert len(set(drawn)) == 2


def test_hash_seed_is_the_same_everywhere(run):
    def job(spark):
        import os

        return together(spark, 2, lambda: (os.getpid(), hash("a string")))

    (one, first), (other, second) = run(job).value
    assert one != other
    assert first == second

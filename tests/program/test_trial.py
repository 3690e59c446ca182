"""A module is tried in a child first: what would be wrong with it in the zygote is found out there."""

import zipfile

import pytest

TRY = """
    import select, time
    import numpy.random

    def verdict(name, limit=30_000):
        begun = trial.Trial.begin(name, limit, os.fork, lambda: loading.Heritage(cache).try_import(name))
        outcome = ended = None
        while outcome is None:
            select.select([begun.result], [], [], begun.left_millis() / 1000)
            pid, status = os.waitpid(begun.pid, os.WNOHANG)
            ended = status if pid else None
            outcome = begun.outcome(ended)
        begun.end(ended is not None)
        if ended is None:
            os.waitpid(begun.pid, 0)
        return outcome[1]["why"]
"""


def test_archives_that_a_look_for_distributions_has_opened_are_no_fault(interpreter, folder, tmp_path):
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr("some-1.dist-info/METADATA", "Name: some\nVersion: 1\n")
    site = folder("site", candidate="import importlib.metadata\nversion = importlib.metadata.version('some')\n")
    code = f"{TRY}\n    sys.path.append({str(archive)!r})\n    tell(why=verdict('candidate'))"
    assert interpreter(code, site) == {"why": None}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import json, decimal, tempfile, multiprocessing", None),
        ("table = list(range(100_000))\nopen('/dev/null').close()", None),
        ("import subprocess\nsubprocess.run(['true'], check=True)", None),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()", "starts threads"),
        ("import socket\nkept = socket.socket()", "keeps a socket open"),
        (
            "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 1), 1)\nexcept OSError:\n    pass",
            "connects to ('127.0.0.1', 1)",
        ),
        ("open('/dev/urandom', 'rb').read(1)", "opens /dev/urandom"),
        ("import os\nkept = os.open('/dev/urandom', os.O_RDONLY)", "opens /dev/urandom"),
        ("import uuid\nme = uuid.uuid4()", "draws random bytes"),
        ("import secrets\nme = secrets.token_hex()", "draws random bytes"),
        ("import random\nkept = random.Random()", "keeps a random generator"),
        ("import numpy.random\nkept = numpy.random.default_rng()", "keeps a random generator"),
        ("import numpy.random\nexample = repr(numpy.random.default_rng().random())", None),
        ("kept = open(__file__)", "keeps {file} open"),
        ("import mmap\nkept = mmap.mmap(-1, 4096)", "keeps memory that all workers would share"),
        ("import subprocess\nkept = subprocess.Popen(['sleep', '60'])", "starts a program that goes on"),
        ("import os\nos.chdir('/')", "changes the directory"),
        ("import warnings\nwarnings.simplefilter('once', DeprecationWarning)", None),
        ("import logging\nlogging.getLogger(__name__).addHandler(logging.NullHandler())", None),
        ("import sys\nsys.meta_path.append(type('Finder', (), {'find_spec': lambda *_: None}))", None),
        ("import os\nos.environ['CANDIDATE'] = '1'", None),
        ("import warnings\nwarnings.resetwarnings()", "changes the filters of warnings"),
        ("import os\nos.register_at_fork(after_in_child=lambda: os._exit(3))", "does not survive a fork"),
        ("1 / 0", "can't be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit", "can't be imported: SystemExit"),
        ("import os\nos._exit(3)", "ends the interpreter when it is imported"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ends the interpreter when it is imported"),
    ],
)
def test_what_speaks_against_a_module_is_found(interpreter, folder, text, why):
    site = folder("site", candidate=text)
    told = interpreter(f"{TRY}\n    tell(why=verdict('candidate'))", site)["why"]
    assert told == (why and why.format(file=site / "candidate.py"))


def test_a_module_that_takes_too_long_is_given_up(interpreter, folder):
    site = folder("site", candidate="import time\ntime.sleep(30)")
    told = interpreter(f"{TRY}\n    tell(why=verdict('candidate', 300))", site)
    assert told["why"] == "takes more than 300 ms to import"


def test_one_that_is_killed_says_nothing_of_the_module(interpreter, folder):
    site = folder("site", candidate="import os\nos.kill(os.getpid(), 9)")
    code = f"""{TRY}
    begun = trial.Trial.begin("candidate", 30_000, os.fork, lambda: __import__("candidate"))
    status = os.waitpid(begun.pid, 0)[1]
    kind, found = begun.outcome(status)
    begun.end(True)
    tell(kind=kind, why=found["why"])
    """
    assert interpreter(code, site) == {"kind": "given_up", "why": "it was killed"}


@pytest.mark.parametrize("session", [False, True])
def test_what_a_trial_has_started_ends_with_it(interpreter, folder, session):
    starts = f"import subprocess\nkept = subprocess.Popen(['sleep', '77777'], start_new_session={session})"
    site = folder("site", candidate=starts)
    code = f"""{TRY}
    import glob
    found = verdict("candidate")
    def alive():
        lines = []
        for file in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                lines.append(open(file, "rb").read())
            except OSError:
                pass
        return any(b"77777" in line and b"sleep" == line.split(b"\\0")[0] for line in lines)
    deadline = time.monotonic() + 30
    while alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    tell(why=found, alive=alive())
    """
    assert interpreter(code, site) == {"why": "starts a program that goes on", "alive": False}

"""The modules of the zygote's program, each by itself: without a JVM, without Rust, in interpreters of their own."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "src/launch/zygote/python"

# Loads modules ahead as the zygote does: `ahead("a", "b")`, a batch each.
LOADER = """
import sys
at_start = set(sys.modules)
sys.path.insert(0, {program!r})
import json, os
import again, compiled, distributions, entries, filters, imports, linux, listener, loading, loggers, needs, options, placement, pools, readings, recorder, registrations, sources, stamps, state, stopwatch, trial, worker
del sys.path[0]
for name in {names!r}:
    if name in sys.modules:
        sys.modules.pop(name).__name__ = "__main__"  # as boot.py does
sys.path[:0] = {path!r}
cache = imports.ImportCache(at_start)
cache.install()
cache.take_out_own()
watched = sources.Sources()
cache.lookup.has_news = watched.has_news

def ahead(*names):
    cache.keep_all()
    watched.add_path(sys.path, {{}})
    for name in names:
        with recorder.Recorder(cache, watched):
            __import__(name)
        watched.add_path(sys.path, cache.take_out(name.partition(".")[0]))

def tell(**what):
    print(json.dumps(what))
"""

# Loads these; `told` is what the native side hears.
BEGIN = """
told = []

def send(kind, **fields):
    told.append((kind, fields))

class NoSignals:
    def leave_changed(self):
        pass

def told_of(*kinds):
    return [fields for kind, fields in told if kind in kinds]

loader = loading.Loading(cache, watched, linux.open_status(), send, split=os.fork)

def load(*modules):
    loader.begin(modules, (), [])
    while loader.modules:
        loader.load_next(NoSignals())
"""


@pytest.fixture
def begin():
    """The code to begin with where `load("a", "b")` is to load modules as the zygote does."""
    return BEGIN


@pytest.fixture
def interpreter(tmp_path):
    """interpreter(code, *path): what the code tells, run where `ahead` and `tell` are; `path` is on its module path."""

    def run(code, *path, **environment):
        names = [file.stem for file in PROGRAM.glob("*.py")]
        text = LOADER.format(program=str(PROGRAM), names=names, path=[str(item) for item in path]) + textwrap.dedent(code)
        done = subprocess.run(
            [sys.executable, "-c", text],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def folder(tmp_path):
    """folder("name", a="text", ...): a folder with these modules."""

    def make(name, **modules):
        where = tmp_path / name
        where.mkdir(exist_ok=True)
        for module, text in modules.items():
            (where / f"{module}.py").write_text(text)
        return where

    return make

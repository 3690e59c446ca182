"""Loads modules ahead, one after the other, and looks at what that has done to the process."""

import contextlib
import contextvars
import gc
import importlib
import os
import sys
import time
import traceback

import rehearsal
from distributions import forget_distributions, know_distributions
from entries import top_level
from fitness import starter_of_threads
from heritage import Heritage
from immortal import make_immortal
from linux import status_of, threads
from placement import Row
from pools import SINGLE
from recorder import Recorder
from state import ProcessState
from worker import forget_importers

# Characters; what is sent must fit into one message.
MOST_OF_AN_ERROR = 2000
# By `importlib.invalidate_caches`, which each task calls before it runs anything of a session's.
IMPORTED_BY_EACH_TASK = ["importlib.metadata"] if sys.version_info >= (3, 13) else []


def with_those_of_each_task(modules, left_out):
    """These modules, and those that no setting names. The latter last: what has been loaded after one falls with it."""
    return [*modules, *(name for name in IMPORTED_BY_EACH_TASK if name not in {*modules, *left_out})]


def described(error):
    """What to say of a failed import; its own words may fail, too, or be too many."""
    try:
        return f"{type(error).__name__}: {error}"[:MOST_OF_AN_ERROR]
    except Exception:
        return type(error).__name__


def files_of(error):
    """The files that an import has failed in; with one of them mended it may not."""
    frames = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
    files = {file for file in (*frames, getattr(error, "filename", None)) if file and os.path.isabs(str(file))}
    return sorted(files)[-50:]


def locations(specs):
    """Files of modules, by name; what is part of the interpreter has none."""
    return {name: spec.origin for name, spec in specs.items() if spec.has_location and spec.origin}


@contextlib.contextmanager
def one_thread_each():
    """Libraries that are loaded start no threads of their own."""
    before = {name: os.environ.get(name) for name in SINGLE}
    os.environ.update(SINGLE)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


class Loading:
    """What is to be loaded. `send` tells the native side of each module; `split` forks a child to rehearse in."""

    def __init__(self, cache, sources, status, send, split):
        self.cache = cache
        self.sources = sources
        self.status = status
        self.send = send
        self.split = split
        self.heritage = Heritage(cache)
        self.recorder = Recorder(cache, sources, self.heritage.credit)
        self.row = Row()
        self.modules = []
        self.archives = ()
        self.has_stopped = False

    def begin(self, modules, archives, missing):
        """All that is loaded by now stays. These modules are next; of the missing ones it is seen when they appear."""
        self.modules = list(modules)
        self.archives = archives
        self.heritage.find_early()
        specs = self.cache.keep_all()
        self.sources.add_path(sys.path, specs, missing)
        return locations(specs)

    def freeze(self):
        """Makes what is loaded as cheap to share as it can be."""
        forget_importers(self.archives)
        know_distributions(self.cache.module("importlib.metadata"), self.archives)
        gc.collect()
        self.cache.settle()
        self.heritage.settle()
        make_immortal()
        gc.freeze()
        # Attributes that the interpreter has looked up are those of the imports. A worker would replace one after the
        # other, and each time write to the name of the old one, in a page that it shares until then.
        older = getattr(sys, "_clear_type_cache", None)  # deprecated from Python 3.14 on
        forget = getattr(sys, "_clear_internal_caches", older)
        if forget:
            forget()

    def add(self, module):
        if not self.has_stopped:
            self.modules.append(module)

    def stop(self):
        """For good: nothing more is loaded, and nobody is to be forked."""
        self.has_stopped = True
        self.modules = []

    def load_next(self, deafness):
        """In a context of its own, which a worker's thread has only where it imports what has changed it."""
        contextvars.copy_context().run(self.load, self.modules.pop(0), deafness)

    def load(self, name, deafness):
        started = time.monotonic()
        self.send("loading", module=name)
        before, known = ProcessState(self.cache.module), set(self.cache.missed)
        resident = status_of(self.status, b"RssAnon")
        error = self.failure_to_import(name)
        forget_distributions()
        changed = before.restore()
        deafness.leave_changed()
        if threads(self.status) > 1:
            return self.spoil(name, f"starts threads when it is imported; the first runs {starter_of_threads()}")
        if changed:
            return self.spoil(name, f"changes {', '.join(changed)} when it is imported")
        if error is not None:
            return self.leave_out(name, error)
        specs = self.cache.take_out(top_level(name))
        missed = self.cache.missed - known
        self.heritage.end(top_level(name), status_of(self.status, b"RssAnon") - resident)
        self.sources.add_path(sys.path, specs, missed)
        millis = round((time.monotonic() - started) * 1000)
        self.send("loaded", module=name, millis=millis, files={**dict.fromkeys(missed, ""), **locations(specs)})
        self.go_on()

    def failure_to_import(self, name):
        """Imports it, and after the last one does what all tasks do first."""
        with self.recorder, self.row.of_imports(), one_thread_each(), self.heritage.noted(name, self.recorder.package):
            try:
                importlib.import_module(name)
                if not self.modules and self.may_rehearse():
                    with contextlib.suppress(Exception):
                        rehearsal.rehearse()
            except BaseException as failure:
                return failure

    def may_rehearse(self):
        return all(self.cache.module(name) for name in ("pandas", "pyarrow")) and rehearsal.goes_well(self.split)

    def go_on(self):
        if not self.modules:
            self.freeze()
            self.send("complete")

    def leave_out(self, name, error):
        missing = isinstance(error, ModuleNotFoundError) and name.startswith(f"{error.name}")
        reason, files = described(error), files_of(error)
        if not self.cache.forget_batch():
            return self.spoil(name, f"can't be imported: {reason}", files)
        for file in files:
            self.sources.add(file)
        self.sources.add_path(sys.path, self.cache.take_out(top_level(name)), [name])
        self.send("left_out", module=name, missing=missing, reason=reason)
        self.go_on()

    def spoil(self, name, why, files=()):
        """These files may be at fault."""
        self.stop()
        self.send("spoiled", module=name, why=why, files=list(files))

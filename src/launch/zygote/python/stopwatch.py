"""Measures what a worker imports itself, in whose place it could have been loaded ahead, and tells the zygote after a task.

Only whole imports are measured, with all that they import in turn. A measured import has the spec that the finders give, of a
class that hears when the import begins and ends, and that is the ordinary one again from then on.
"""

import contextlib
import json
import os
import socket
import sys
from importlib.machinery import ModuleSpec, PathFinder
from time import monotonic

from entries import place_of, top_level

# Nobody gains by those that take less.
LEAST_MILLIS = 1
# Imports of a worker that are measured between two tasks.
MOST_IMPORTS = 256
# Of a datagram.
MOST_BYTES = 4096
# As it is now: a task may put another class in its place.
Socket = socket.SocketType


def is_beneath(path, directory):
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def lasting_places(path, directory):
    """The entries of this path that no session has brought.

    Spark puts the files of an application into the executor's directory, and on YARN onto its module path: there only what the
    interpreter itself has lasts.
    """
    own = {prefix for prefix in (sys.prefix, sys.base_prefix) if is_beneath(prefix, directory)}

    def lasts(item):
        return not is_beneath(item, directory) or any(is_beneath(item, prefix) for prefix in own)

    return {item for item in path if isinstance(item, str) and os.path.isabs(item) and item != directory and lasts(item)}


def is_for_import():
    """Whether the finder was asked by an import that is to run, not for what it would find or to load a module again."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "_find_spec":
        frame = frame.f_back
    return frame is not None and frame.f_back is not None and frame.f_back.f_code.co_name == "_find_and_load_unlocked"


class TimedSpec(ModuleSpec):
    """Is told by the import when it begins to run the module's code, and when it ends."""

    @property
    def _initializing(self):
        return self.__dict__.get("_initializing", False)

    @_initializing.setter
    def _initializing(self, value):
        self.__dict__["_initializing"] = value
        hearer, began = self.__dict__["_timed"]
        if value:
            hearer.begin(self)
        else:
            del self.__dict__["_timed"]
            self.__class__ = ModuleSpec
            hearer.end(self, began)


TimedSpec.__name__, TimedSpec.__qualname__, TimedSpec.__module__ = "ModuleSpec", "ModuleSpec", ModuleSpec.__module__


def hear(spec, hearer, began=None):
    """Has `hearer` told when the import that has asked for this spec begins and ends."""
    spec.__dict__["_timed"] = hearer, began
    spec.__class__ = TimedSpec


class Stopwatch:
    """Is asked by the cache for what that has not."""

    def __init__(self, cache, places, address):
        """Measures what is found in these places, and tells who listens there."""
        self.cache, self.places, self.address = cache, places, address
        self.millis = {}
        self.missing = set()
        self.running = None
        self.ended_at = 0

    def find_spec(self, name, path, target):
        # Within an import that is measured nothing else is. Another thread's import is left out then, too.
        if self.running is not None or top_level(name) in self.cache.stays or name in self.missing:
            return None
        if len(self.millis) >= MOST_IMPORTS or not self.cache.lookup.has_same_finders():
            return None
        if name in sys.modules or not is_for_import():  # the walk up the stack comes last, for most imports end before
            return None
        began = monotonic()
        spec = self.found(name, path, target)
        if type(spec) is ModuleSpec and spec.loader is not None and self.lasts(name, spec):
            hear(spec, self, began)
        return spec

    def found(self, name, path, target):
        """What the finders give up to that of the path, as the import would ask them. It asks again where they have nothing."""
        for finder in list(sys.meta_path):
            if hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
            if finder is PathFinder:
                break
        if len(self.missing) < MOST_IMPORTS:
            self.missing.add(name)
        return None

    def lasts(self, name, spec):
        package = sys.modules.get(top_level(name))
        return place_of(getattr(package, "__spec__", None) if "." in name else spec) in self.places

    def begin(self, spec):
        if self.running is None:
            self.running = spec

    def end(self, spec, began):
        if self.running is spec:
            self.running = None
            now = monotonic()
            # C code may have imported something else before this one was said to begin.
            self.millis[spec.name] = (now - max(began, self.ended_at)) * 1000
            self.ended_at = now

    def tell(self):
        """After a task. Never waits: what the zygote has no room for now it is told after another one."""
        if self.millis:
            with contextlib.suppress(Exception):
                self.send({name: round(millis) for name, millis in dict(self.millis).items() if self.counts(name, millis)})
                self.millis.clear()

    def counts(self, name, millis):
        return millis >= LEAST_MILLIS and name in sys.modules

    def send(self, millis):
        text = json.dumps(millis).encode()
        while len(text) > MOST_BYTES:
            del millis[min(millis, key=millis.get)]
            text = json.dumps(millis).encode()
        if millis:
            with contextlib.closing(
                Socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            ) as own:
                own.sendto(text, self.address)

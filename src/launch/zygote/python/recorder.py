"""Watches what an import does while modules are loaded ahead: which files it reads, what it imports in its turn, and which module's
code runs.
"""

import builtins
import sys
from importlib.machinery import ModuleSpec

from entries import is_of_interpreter, top_level
from imports import ImportCache
from lookup import LookUp
from readings import Readings
from stopwatch import hear, is_for_import


def is_of_import(name):
    return top_level(name) in ("importlib", "_frozen_importlib", "_frozen_importlib_external")


class Recorder:
    """Is asked by the cache for what that has not, while it is entered."""

    def __init__(self, cache, sources, changed_by=lambda package, is_left: None):
        """`changed_by` is told which package's code has run since it was told last, and whether another's runs next."""
        self.cache, self.sources, self.changed_by = cache, sources, changed_by
        self.running = []
        self.readings = Readings(self.note_read)

    def __enter__(self):
        self.readings.begin()
        self.original = builtins.__import__
        builtins.__import__ = self.imported
        self.cache.recorder = self
        self.cache.importer, self.cache.needs.running = self.importer, self.running_module
        return self

    def __exit__(self, *_):
        self.readings.end()
        self.cache.recorder = None
        self.cache.importer = self.cache.needs.running = lambda: ""
        if builtins.__import__ == self.imported:
            builtins.__import__ = self.original

    def imported(self, name, globals=None, locals=None, fromlist=(), level=0):
        importer = globals.get("__name__") if globals else None
        if importer is None or is_of_import(importer):
            self.cache.needs.note(self.importer(), name)  # by C code: Python code that runs is that of the import itself
        elif not level:
            self.cache.needs.note(importer, name)
        return self.original(name, globals, locals, fromlist, level)

    def find_spec(self, name, path, target):
        """What the other finders find. C code imports without `__import__`, and each file is to be seen before it is read."""
        for finder in [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.has_location:
                    self.sources.add(spec.origin)
                own = not spec.has_location or is_of_interpreter(spec.origin)
                if type(spec) is ModuleSpec and spec.loader is not None and not own and is_for_import():
                    self.tell(self.package(), top_level(name))
                    hear(spec, self)
                return spec
        if "." not in name:
            self.cache.missed.add(name)
        return None

    def note_read(self, variable, value):
        package = self.package()
        if package:
            self.cache.lookup.note_read(package, variable, value)

    def begin(self, spec):
        self.running.append(spec.name)

    def end(self, spec, _):
        if spec.name in self.running:
            package = self.package()
            del self.running[self.running.index(spec.name) :]
            self.tell(package, self.package())

    def tell(self, package, other):
        if package:
            self.changed_by(package, package != other)

    def running_module(self):
        """Whose code runs: what stays is no entry, and counts as part of what has imported it, as the interpreter's own does."""
        return next((name for name in reversed(self.running) if top_level(name) not in self.cache.stays), "")

    def package(self):
        return top_level(self.running_module()) or None

    def importer(self):
        """The module whose code is running."""
        frame = sys._getframe(1)
        while frame is not None:
            name = frame.f_globals.get("__name__", "")
            if frame.f_code.co_filename not in OURS and not is_of_import(name):
                return name
            frame = frame.f_back
        return "__main__"


OURS = {function.__code__.co_filename for function in (Recorder.importer, ImportCache.find_spec, LookUp.finds_same)}

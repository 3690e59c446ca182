"""Watches what an import does while modules are loaded ahead: which files it reads, and what it imports in its turn."""

import builtins
import sys

from imports import ImportCache


class Recorder:
    """Is asked by the cache for what that has not, while it is entered."""

    def __init__(self, cache, sources):
        self.cache, self.sources = cache, sources

    def __enter__(self):
        self.original = builtins.__import__
        builtins.__import__ = self.imported
        self.cache.recorder = self
        return self

    def __exit__(self, *_):
        self.cache.recorder = None
        if builtins.__import__ == self.imported:
            builtins.__import__ = self.original

    def imported(self, name, globals=None, locals=None, fromlist=(), level=0):
        importer = globals.get("__name__") if globals else None
        if importer and not level:
            self.cache.note(importer, name)
        return self.original(name, globals, locals, fromlist, level)

    def find_spec(self, name, path, target):
        """What the other finders find. C code imports without `__import__`, and each file is to be seen before it is read."""
        self.cache.note(self.importer(), name)
        for finder in [finder for finder in sys.meta_path if finder is not self.cache and hasattr(finder, "find_spec")]:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.has_location:
                    self.sources.add(spec.origin)
                return spec
        return None

    def importer(self):
        """The module whose code is running."""
        frame = sys._getframe(1)
        while frame is not None:
            name = frame.f_globals.get("__name__", "")
            if frame.f_code.co_filename not in OURS and not name.startswith(("importlib", "_frozen_importlib")):
                return name
            frame = frame.f_back
        return "__main__"


OURS = {function.__code__.co_filename for function in (Recorder.importer, ImportCache.find_spec)}

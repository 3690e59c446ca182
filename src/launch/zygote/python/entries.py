"""What is loaded ahead, and how it is seen whether an import that is made now would find the same."""

import importlib.machinery
import os

STANDARD_LIBRARY = os.path.dirname(os.__file__)


def is_of_interpreter(file):
    """Its own files do not change while it runs."""
    if not file.startswith(STANDARD_LIBRARY):
        return False
    return not file[len(STANDARD_LIBRARY) :].startswith(("/site-packages", "/dist-packages"))


def top_level(name):
    return name.partition(".")[0]


def stamp(file):
    """Identifies a file's content. None where there is no such file, as for what is in an archive."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    # Not its inode, which some network file systems make up anew.
    return found.st_mtime_ns, found.st_size


def place_of(spec):
    """The entry of the path that a top-level module was found by. None where it was found in another way."""
    if spec is None or not spec.has_location or not spec.origin:
        return None
    where = os.path.dirname(spec.origin)
    return os.path.dirname(where) if spec.submodule_search_locations is not None else where


def holds(item, name):
    """Whether an import would find this module by this entry of the path."""
    spec = importlib.machinery.PathFinder.find_spec(name, [item])
    return spec is not None and spec.loader is not None  # else it is only the name of a directory


def contents(item):
    """The top-level names that a directory may hold. None for what is no directory."""
    try:
        return {file.partition(".")[0] for file in os.listdir(item or ".")}
    except OSError:
        return None


class Entry:
    """A module that is loaded, and out of `sys.modules` until somebody imports it."""

    def __init__(self, module, first, last):
        """It was loaded in this batch `first`, and had modules of its own loaded until batch `last`."""
        self.module = module
        self.submodules = {}
        self.spec = getattr(module, "__spec__", None)
        self.place = place_of(self.spec)
        self.first = first
        self.last = last
        may_change = self.place is not None and not is_of_interpreter(self.place)
        self.stamp = stamp(self.spec.origin) if may_change else None

    def is_fixed(self):
        """Whether it is part of the interpreter."""
        return self.spec is not None and self.spec.origin in ("built-in", "frozen")

    def is_as_it_was(self):
        return self.stamp is None or stamp(self.spec.origin) == self.stamp

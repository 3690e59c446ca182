"""What is loaded ahead, and how it is seen whether an import that is made now would find the same."""

import contextlib
import importlib.machinery
import os
import sys

from placement import copied

STANDARD_LIBRARY = os.path.dirname(os.__file__)


def is_of_interpreter(file):
    """Its own files do not change while it runs."""
    if not file.startswith(STANDARD_LIBRARY):
        return False
    return not file[len(STANDARD_LIBRARY) :].startswith(("/site-packages", "/dist-packages"))


def top_level(name):
    return name.partition(".")[0]


def first_two(name):
    """The package that it is in, if that is one of a package's own; else itself."""
    return ".".join(name.split(".", 2)[:2])


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


def found_by_path(name):
    """The spec of a top-level module as an import would find it now. No importer is left of the look: of an archive, each worker
    would inherit it, and read all of the archive's directory again where a task calls `importlib.invalidate_caches`.
    """
    known = set(sys.path_importer_cache)
    try:
        return importlib.machinery.PathFinder.find_spec(name)
    finally:
        for path in sys.path_importer_cache.keys() - known:
            sys.path_importer_cache.pop(path, None)


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


def way_of(loader):
    """The class of a loader, by name: a finder may make another one each time."""
    kind = loader if isinstance(loader, type) else type(loader)
    return kind.__module__, kind.__qualname__


class Entry:
    """A module that is loaded, and out of `sys.modules` until somebody imports it."""

    __slots__ = (
        "file",
        "files",
        "first",
        "is_findable",
        "is_spread",
        "last",
        "module",
        "place",
        "spec",
        "stamp",
        "submodules",
        "within",
    )

    def __init__(self, module, first, last, within=None):
        """It was loaded in this batch `first`, and had modules of its own loaded until batch `last`; `within` is its package."""
        self.module = module
        self.within = within
        self.submodules = {}
        self.spec = getattr(module, "__spec__", None)
        # This and the file's name are known without the spec: to read that is to write to its page, in each worker.
        self.is_findable = self.spec is not None
        self.place = place_of(self.spec)
        self.first = first
        self.last = last
        may_change = self.place is not None and not is_of_interpreter(self.place)
        self.file = self.spec.origin if may_change else None
        self.stamp = stamp(self.file) if may_change else None
        self.files = {}
        self.is_spread = None

    def copied(self):
        """The same in another place, with the names of its file and of its submodules."""
        other = object.__new__(Entry)
        for name in Entry.__slots__:
            setattr(other, name, getattr(self, name))
        other.file = self.file and copied(self.file)
        other.submodules = {copied(name): module for name, module in self.submodules.items()}
        return other

    def is_fixed(self):
        """Whether it is part of the interpreter."""
        return self.spec is not None and self.spec.origin in ("built-in", "frozen")

    def hold(self, name, module):
        """One of its submodules."""
        self.submodules[name] = module
        file = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if os.path.isabs(file) and file not in self.files and not is_of_interpreter(file):
            self.files[file] = stamp(file)

    def is_asked_for(self, name, child):
        """Whether this is a package that gives what it has not, when it is asked, and has this one so, not by its own import."""
        bound = getattr(self.module, "__dict__", {})
        return "__getattr__" in bound and name not in self.submodules and bound.get(child) is sys.modules[name]

    def is_where_it_was(self, path):
        """Whether the place that it was found in is still where it would be looked for: on the path, or first in its package."""
        return self.place == next(iter(self.within.__path__), None) if self.within else self.place in path

    def is_as_it_was(self):
        return self.file is None or stamp(self.file) == self.stamp

    def is_all_as_it_was(self):
        """With its submodules."""
        return self.is_as_it_was() and all(stamp(file) == known for file, known in self.files.items())

    def is_replaced(self, name):
        """Whether a task has put something else in its place, or in that of a submodule, into `sys.modules`."""
        here = sys.modules
        own = self.submodules
        return here.get(name, self.module) is not self.module or any(one in here and here[one] is not own[one] for one in own)

    def is_found_by(self, spec):
        """Whether this is what was loaded, from the same file and in the same way."""
        if spec is None or self.spec is None or spec.origin != self.spec.origin:
            return False
        if self.spec.origin is None and self.spec.submodule_search_locations is not None:
            return spec.submodule_search_locations is not None and self.has_parts_in(list(spec.submodule_search_locations))
        return way_of(spec.loader) == way_of(self.spec.loader)

    def has_parts_in(self, locations):
        """A namespace is what is in it: whether an import would find its modules in these directories."""
        parts = {self.spec.name: locations}
        for name, module in list(self.submodules.items()):
            where, own = parts.get(name.rpartition(".")[0]), getattr(module, "__spec__", None)
            if where is None or own is None:
                continue
            spec = importlib.machinery.PathFinder.find_spec(name, where)
            if spec is None or spec.origin != own.origin or stamp(own.origin or "") != self.files.get(own.origin):
                return False
            if own.origin is None:
                parts[name] = list(spec.submodule_search_locations)
        return True

    def may_be_in(self, item, name):
        """Whether it is a package that looks for its modules all over the path (`pkgutil`), and would find some there."""
        if self.within or self.spec is None or self.spec.submodule_search_locations is None:
            return False
        if self.is_spread is None:
            source = ""
            with contextlib.suppress(Exception):
                source = self.spec.loader.get_source(name) or ""
            self.is_spread = "extend_path" in source or "declare_namespace" in source
        return self.is_spread and importlib.machinery.PathFinder.find_spec(name, [item]) is not None

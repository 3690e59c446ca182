"""What look-ups depend on, and whether one that is made now would give what was loaded."""

import _thread
import contextlib
import importlib.machinery
import os
import sys

from entries import Entry, contents, holds, stamp, way_of

ABSENT = object()


class LookUp:
    def __init__(self):
        self.has_news = lambda: False
        self.known = {}
        self.finders = []
        self.importers = {}
        self.asked = set()
        self.read = {}

    def remember(self):
        """What look-ups depend on, as it is now."""
        self.known = {item: stamp(item) for item in self.path() if os.path.isabs(item)}
        self.finders = self.finders_of_path()
        self.importers = {item: sys.path_importer_cache[item] for item in self.path() if item in sys.path_importer_cache}

    def path(self):
        """As an import reads it, which leaves out what is no string."""
        return [item for item in sys.path if isinstance(item, str)]

    def finders_of_path(self):
        """Those that are asked before the path is looked at, and that one."""
        finders = list(map(id, sys.meta_path))
        path_finder = id(importlib.machinery.PathFinder)
        first = finders[: finders.index(path_finder) + 1] if path_finder in finders else finders
        return [*first, *map(id, sys.path_hooks)]

    def has_same_finders(self):
        return self.finders_of_path() == self.finders and all(map(self.has_usual_importer, self.path()))

    def has_usual_importer(self, item):
        """Whether what an entry of the path is read by is what an import would make for it, or did."""
        importer = sys.path_importer_cache.get(item, ABSENT)
        if importer is ABSENT or importer is self.importers.get(item, ABSENT):
            return True
        if type(importer) is importlib.machinery.FileFinder:
            return importer.path == item
        return not os.path.isdir(item) and (importer is None or way_of(importer) == ("zipimport", "zipimporter"))

    def note_read(self, package, variable, value):
        """A package's import has found this in the environment."""
        self.read.setdefault(package, {}).setdefault(variable, value)

    def reads_same(self, name):
        """Whether the variables that its import has read are as they were."""
        return all(os.environ.get(variable) == value for variable, value in self.read.get(name, {}).items())

    def shadowed(self, entries, suspects):
        """Those of these that an import would find elsewhere, or changed."""
        is_same = Entry.is_all_as_it_was if self.has_news() else Entry.is_as_it_was
        result = {name for name, entry in entries.items() if not is_same(entry) or entry.is_replaced(name)}
        if not self.has_same_finders():
            return result | {name for name, entry in entries.items() if not self.finds_same(name, entry)}
        path = self.path()
        places = {}
        for name, entry in entries.items():
            if not entry.is_where_it_was(path):
                result.update(() if self.finds_same(name, entry) else (name,))
            elif not entry.within:
                places[name] = path.index(entry.place)
        for index, item, held in suspects:
            names = places.keys() if held is None else places.keys() & held
            result.update(name for name in names if index < places[name] and holds(item, name))
            result.update(name for name in names if index == places[name] and held is None)  # an archive
            names = entries.keys() if held is None else entries.keys() & held
            result.update(name for name in names if entries[name].may_be_in(item, name))
        return result

    def suspects(self):
        """Entries of the path that may have modules where they had none before, each with its index and contents."""
        path = self.path()
        moved = self.moved(path)
        return [
            (index, item, contents(item)) for index, item in enumerate(path) if index in moved or not self.is_as_known(item)
        ]

    def moved(self, path):
        """Indices of what was behind something that it is before."""
        if path == list(self.known):
            return ()
        order = {item: place for place, item in enumerate(self.known)}
        found, first = set(), len(order)
        for index in reversed(range(len(path))):
            place = order.get(path[index], first)
            if place > first:
                found.add(index)
            first = min(place, first)
        return found

    def is_as_known(self, item):
        return item in self.known and stamp(item) == self.known[item]

    def finds_same(self, name, entry):
        """The whole look-up, for what was not found by the path or whose place is not on it any more."""
        if entry.is_fixed():
            return True
        where = entry.within and entry.within.__path__
        with self.asking(name):
            found = (finder.find_spec(name, where) for finder in list(sys.meta_path) if hasattr(finder, "find_spec"))
            try:
                spec = next((spec for spec in found if spec is not None), None)
            except Exception:  # it may be for who imports this one, and not what needs it
                return False
        return entry.is_found_by(spec)

    @contextlib.contextmanager
    def asking(self, name):
        """A finder that imports something while this thread asks it for this name, as that of setuptools does for `distutils`,
        is not asked for it once more, and does not get it: that is not decided yet.
        """
        mark = _thread.get_ident(), name
        self.asked.add(mark)
        try:
            yield
        finally:
            self.asked.discard(mark)

    def is_asked(self, name):
        return bool(self.asked) and (_thread.get_ident(), name) in self.asked

"""What comes with an entry of the cache: the entries that it has imported itself, and theirs."""

import sys
from types import BuiltinFunctionType, FunctionType, ModuleType

from entries import first_two, top_level


def is_complete(name):
    """Whether this is a module whose own import has ended."""
    return getattr(getattr(sys.modules.get(name), "__spec__", None), "_initializing", True) is False


def keeps(module, name):
    """Whether a module has the one of this name, or a class or function of that, among its own."""
    for value in list(getattr(module, "__dict__", {}).values()):
        if isinstance(value, ModuleType):
            origin = value.__dict__.get("__name__")
        elif isinstance(value, (type, FunctionType, BuiltinFunctionType)):
            origin = value.__module__
        else:
            continue
        if isinstance(origin, str) and top_level(origin) == name:
            return True
    return False


class Needs:
    """Who has imported what, by the name of an entry. `running` gives the module whose code runs."""

    def __init__(self):
        self.noted = {}
        self.called = set()
        self.of_entries = {}
        self.all = {}
        self.lacking = {}
        self.running = lambda: ""

    def note(self, importer, name):
        """Module `importer` imports `name`. Where that is complete and only called, it is the need of the module that runs."""
        running = first_two(self.running())
        if running and is_complete(importer):
            self.add(running, top_level(name))
            if top_level(importer) != top_level(name):
                self.called.add((importer, top_level(name)))
        else:
            self.add(first_two(importer), top_level(name))
        if running and "." in name and running != first_two(name):
            self.add(running, first_two(name))

    def end_batch(self, module, missed):
        """Gives who has imported what when it was called, and keeps it; `module` gives a module by name."""
        kept = {(first_two(importer), name) for importer, name in self.called if keeps(module(importer), name)}
        in_vain = {(first_two(importer), name) for importer, name in self.called if name in missed}
        for importer, name in kept | in_vain:
            self.add(importer, name)
        self.called.clear()
        return kept

    def add(self, importer, name):
        self.noted.setdefault(importer, set()).add(name)

    def settle(self, entries, missed):
        """As noted until now, for these entries: what a package has is the package's but where it is an entry itself.

        `missed` are modules that were imported in vain.
        """
        self.of_entries = {}
        for name, names in self.noted.items():
            self.of_entries.setdefault(name if name in entries else top_level(name), set()).update(names)
        self.lacking = {name: lacks for name in entries if (lacks := missed.intersection(self.of_entries.get(name, ())))}
        self.all = {name: self.closure(name, entries) for name in entries}

    def closure(self, name, entries):
        found, to_look = set(), [name]
        while to_look:
            one = to_look.pop()
            if one in entries and one not in found:
                found.add(one)
                to_look.extend(self.of_entries.get(one, ()))
        return [one for one in list(entries) if one in found]

    def of(self, name, entries):
        """With itself, in the order of the entries."""
        known = self.all.get(name)
        return self.closure(name, entries) if known is None else known

"""What is loaded ahead is a cache of imports, nothing else.

An entry is used only where the look-up, made now, in this process, with its path as it is, gives the file that was loaded;
else this process goes on as if it had never been loaded. An entry is a top-level module with its submodules: those that are
loaded ahead are taken out of `sys.modules`, and the first import of one asks the cache before any finder. For a submodule, too:
Python imports the package first.

What an import brings depends on what it finds: so an entry is used together with the entries that it has imported itself,
if the look-up agrees for all of them. One that does not takes with it whatever was loaded together with it or later, for
that may hold it.
"""

import _thread
import contextlib
import importlib.machinery
import importlib.util
import sys
from importlib import _bootstrap

from again import Again, is_extension
from entries import Entry, first_two, holds, is_of_interpreter, top_level
from lookup import LookUp
from needs import Needs
from placement import copied, fill_pools
from stopwatch import is_for_import

NEVER = float("inf")
USUAL_LOADERS = (importlib.machinery.SourceFileLoader, importlib.machinery.ExtensionFileLoader)

# Looked for without its package by C code of `json`, which this program uses, when it fails.
STAYS_WITHOUT_PACKAGE = "json.decoder"


@contextlib.contextmanager
def importing(name):
    """No other thread imports this meanwhile: one that has begun would load it though it is there by then."""
    if not _thread._count():
        yield
        return
    lock = _bootstrap._get_module_lock(name)
    try:
        lock.acquire()
    except _bootstrap._DeadlockError:  # it waits for this one, and has found it
        yield
        return
    try:
        yield
    finally:
        lock.release()


def duplicate(thing):
    """As `copy.copy`, which imports something itself."""
    other = object.__new__(type(thing))
    other.__dict__.update(thing.__dict__)
    other.__dict__.pop("_initializing", None)  # of a spec, while its module is imported
    return other


class Plain:
    """A loader that has no more than any must have."""


def returning(cache, kind):
    """A class of loaders that give back what is loaded, otherwise like this one."""
    methods = {
        "create_module": lambda _, spec: cache.create_module(spec),
        "exec_module": lambda _, module: cache.exec_module(module),
    }
    return type(kind.__name__, (kind,), {"__module__": kind.__module__, **methods})


class ImportCache:
    """What is loaded ahead is loaded in batches: first what PySpark's worker imports, which stays in `sys.modules` as it does
    on stock, then one batch for each module that workers import later.
    """

    def __init__(self, at_start):
        """`at_start`: the modules that any interpreter has before it runs anything."""
        self.lookup = LookUp()
        self.at_start = frozenset(at_start)
        self.stays = {top_level(name) for name in at_start} | {"__main__"}
        self.seen = set(at_start)
        self.entries = {}
        self.used = {}
        self.needs = Needs()
        self.missed = set()
        self.batch = 0
        self.first = {}
        self.last = {}
        self.recorder = None
        self.importer = lambda: ""
        self.when_used = lambda names: None
        self.dropped = set()
        self.again = Again()
        # Those of the interpreter are made now: what a worker makes is memory of its own.
        self.loaders = {kind: returning(self, kind) for kind in (Plain, *USUAL_LOADERS)}
        self.given = {}

    # While modules are loaded ahead.

    def take_out_own(self, imported=()):
        """What this program has imported for itself is nobody's yet; `imported` is what was imported by what."""
        for importer, name in imported:
            self.needs.note(importer, name)
        for name in self.new_names():
            self.entries[name] = Entry(sys.modules.pop(name), NEVER, NEVER)
        self.take_out_submodules()
        self.needs.settle(self.entries, self.missed)
        self.seen = set(sys.modules)
        self.lookup.remember()

    def keep_all(self):
        """Ends the first batch. Gives where it was found, by name."""
        new = self.end_batch()
        self.stays.update(new)
        self.seen = set(sys.modules)
        self.used.clear()
        return {name: sys.modules[name].__spec__ for name in new if getattr(sys.modules[name], "__spec__", None)}

    def take_out(self, package):
        """Ends another batch, the import of this package: what it has loaded becomes entries. Gives where it was found, by name."""
        batch, specs = self.batch, {}
        self.entries.update((name, entry) for name, entry in self.used.items() if entry.within)
        for name in self.end_batch():
            module = sys.modules.pop(name)
            entry = self.used.get(name) or Entry(module, self.first[name], self.last[name])
            entry.first, entry.last = self.first[name], self.last[name]
            self.entries[name] = entry
            if entry.first == batch and entry.spec:
                specs[name] = entry.spec
            elif entry.first == batch:
                self.needs.add(package, name)  # C code has put it there, without an import
        self.take_out_late(batch)
        self.take_out_submodules()
        self.used.clear()
        self.missed.difference_update(self.entries)
        self.note_kept()
        self.needs.settle(self.entries, self.missed)
        return specs

    def note_kept(self):
        """Who keeps what it has imported after its own import falls with that."""
        for keeper, name in self.needs.end_batch(self.module, self.missed):
            entry, kept = self.held(keeper), self.entries.get(name)
            if entry and kept and kept.first < NEVER:
                entry.last = max(entry.last, kept.first)

    def settle(self):
        """Nothing more is to be loaded, for now: puts what an import writes to in rows."""
        fill_pools()
        self.entries = {copied(name): entry.copied() for name, entry in self.entries.items()}
        self.needs.settle(self.entries, self.missed)
        fill_pools()

    def take_out_late(self, batch):
        """Modules that a package has when somebody asks it for them, and that were not loaded by its own import, are entries, too."""
        for name in [name for name in sys.modules if name.count(".") == 1]:
            package, _, child = name.partition(".")
            entry = self.entries.get(package)
            if name not in self.entries and entry and entry.first < batch and entry.is_asked_for(name, child):
                self.entries[name] = Entry(sys.modules[name], batch, batch, within=entry.module)
            late = self.entries.get(name)
            if late:
                late.last = batch
                del sys.modules[name]
                vars(late.within).pop(child, None)

    def take_out_submodules(self):
        for name in list(sys.modules):
            entry = self.held(name) if "." in name else None
            if entry and name != STAYS_WITHOUT_PACKAGE:
                entry.hold(name, sys.modules.pop(name))

    def held(self, name):
        """The entry that has a module, or would have it."""
        return self.entries.get(first_two(name)) or self.entries.get(top_level(name))

    def forget_batch(self):
        """A batch has failed: nothing of it stays. False where that can't be: C code is loaded once for ever."""
        loaded = [name for name in sys.modules.keys() - self.seen if top_level(name) not in self.used]
        for name in loaded:
            if is_extension(sys.modules[name]) and not is_of_interpreter(sys.modules[name].__spec__.origin):
                return False
        for name in loaded:
            del sys.modules[name]
        return True

    def new_names(self):
        return [name for name in sys.modules if "." not in name and name not in self.stays]

    def end_batch(self):
        for name in sys.modules.keys() - self.seen - self.used.keys():
            self.first.setdefault(top_level(name), self.batch)
            self.last[top_level(name)] = self.batch
        for name in self.used:
            self.first.setdefault(name, self.batch)
            self.last.setdefault(name, self.batch)
        new = self.new_names()
        self.seen = self.seen.union(sys.modules).difference(new)
        self.batch += 1
        self.given.clear()
        self.lookup.remember()
        return new

    # When somebody imports something.

    def install(self):
        """Has imports ask here first. Not as a finder of `sys.meta_path`, which is the task's: it may take out the first, or look."""
        original = importlib._bootstrap._find_spec

        def _find_spec(name, path, target=None):
            was_there = name in sys.modules
            spec = None if sys.meta_path is None else self.find_spec(name, path, target)
            if spec is None:
                return original(name, path, target)
            if not was_there and name in sys.modules:  # by a finder, which counts more, as in the original
                return getattr(sys.modules[name], "__spec__", None) or spec
            return spec

        importlib._bootstrap._find_spec = importlib.util._find_spec = _find_spec

    def find_spec(self, name, path=None, target=None):
        importer = self.importer()
        if importer:
            self.needs.note(importer, name)
        entry = None if self.lookup.is_asked(name) else self.looked_up(name)
        if entry:
            return self.spec_of(name, entry)
        if self.dropped and not self.dropped.isdisjoint((top_level(name), first_two(name))):
            return self.again.find_spec(name, path)
        return self.recorder.find_spec(name, path, target) if self.recorder else None

    def looked_up(self, name):
        """The entry that an import of this name is to get."""
        before = self.entries.get(name)
        if before and not before.is_findable:  # no import finds it: it comes with another one
            return None
        if before:
            self.drop_shadowed(self.needed(name))
            # By a finder, while it was asked: it is yet to be given to who imports it here.
            if self.used.get(name) is before and is_for_import():
                sys.modules.pop(name, None)
                self.entries[name] = self.used.pop(name)
        return self.entries.get(name)

    def spec_of(self, name, entry):
        spec = duplicate(entry.spec)
        spec.loader = self.loader_like(entry.spec.loader)
        self.given[name] = entry
        return spec

    def loader_like(self, original):
        """One that gives back what is loaded. `original` has loaded it."""
        kind = type(original)
        if not isinstance(original, type) and original is not None:
            with contextlib.suppress(TypeError):
                if kind not in self.loaders:
                    self.loaders[kind] = returning(self, kind)
                loader = duplicate(original)
                loader.__class__ = self.loaders[kind]
                return loader
        return self.loaders[Plain]()

    def create_module(self, spec):
        return self.given[spec.name].module

    def exec_module(self, module):
        entry = self.given[module.__spec__.name]
        self.use(module.__spec__.name)
        module.__spec__ = entry.spec  # the import has set a copy, for which other threads wait

    def use(self, name):
        """This entry and what it needs are imported."""
        self.when_used([needed for needed in self.needed(name) if self.put_back(needed)])

    def put_back(self, name):
        with importing(name):
            entry = self.entries.get(name)
            if entry:
                sys.modules.update(entry.submodules)  # first, for who finds a package looks for them
                sys.modules.setdefault(name, entry.module)
                if entry.within:
                    package, _, child = name.partition(".")
                    setattr(sys.modules.get(package, entry.within), child, entry.module)
                self.used[name] = self.entries.pop(name)
            return entry

    def module(self, name):
        """What is loaded, whether it is used yet or not."""
        entry = self.held(name)
        if entry is None or name == STAYS_WITHOUT_PACKAGE:
            return sys.modules.get(name)
        return entry.module if name in self.entries else entry.submodules.get(name)

    def needed(self, name):
        """Entries that come with it."""
        names = self.needs.of(name, self.entries)
        return [one for one in names if one in self.entries and not self.lookup.is_asked(one)]

    def drop_shadowed(self, names):
        entries = {name: self.entries.get(name) for name in names}
        entries = {name: entry for name, entry in entries.items() if entry and entry.is_findable}
        suspects = self.lookup.suspects()
        shadowed = self.lookup.shadowed(entries, suspects)
        if not shadowed:
            others = self.with_more(entries, suspects) | {name for name in entries if not self.lookup.reads_same(name)}
            # Else it is better as the executor has it than not at all.
            if others and self.again.can_load(self.modules_of(self.falling_with(others))):
                shadowed = others
        if shadowed:
            self.drop(shadowed)

    def with_more(self, entries, suspects):
        """Those of these that an import would now give something that was missing."""
        lacking = {name: self.needs.lacking[name] for name in self.needs.lacking.keys() & entries.keys()}
        wanted = set().union(*lacking.values())
        found = {name for name in wanted if name in sys.modules}
        for _, item, held in suspects:
            found.update(name for name in (wanted if held is None else wanted & held) if holds(item, name))
        return {name for name, names in lacking.items() if names & found}

    # What was loaded ahead in vain.

    def drop(self, names):
        """For the sake of these, with all that may hold them."""
        falling = self.falling_with(names)
        self.again.expect(self.modules_of(falling), names)
        self.dropped |= falling
        for name in falling:
            self.entries.pop(name, None)
        if top_level(STAYS_WITHOUT_PACKAGE) in falling:
            sys.modules.pop(STAYS_WITHOUT_PACKAGE, None)

    def falling_with(self, names):
        entries = dict(self.entries)  # a task may have threads that import
        first = min((entries[name].first for name in names if name in entries), default=NEVER)
        return set(names) | {name for name, entry in entries.items() if first < NEVER and entry.last >= first}

    def modules_of(self, names):
        entries = [self.entries.get(name) for name in names]
        return [module for entry in entries if entry for module in entry.submodules.values()]

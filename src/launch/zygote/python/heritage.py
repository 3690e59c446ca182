"""What packages that are loaded ahead bring beside modules, and how a worker has it as if it had loaded them itself."""

import contextlib
import importlib
import os
import sys

from entries import top_level
from filters import Filters
from loggers import Loggers
from options import choose_memory, options_of, set_options
from pools import Pools, resize_arrow
from registrations import Registrations
from state import changed_variables, set_variables
from worker import RAW_ENVIRONMENT, measure_own, reseed


class Heritage:
    """Thread pools, memory, variables of the environment, options, filters, loggers and registrations, by the top-level name of
    the package.
    """

    def __init__(self, cache):
        self.cache = cache
        self.environment = dict(os.environ)
        self.early_pools = Pools()
        self.pools = {}
        self.resident = {}
        self.variables = {}
        self.defaults = {}
        self.filters = Filters()
        self.loggers = Loggers()
        self.registrations = Registrations()
        self.options = {}
        self.values = self.seen = self.changing = None

    def find_early(self):
        """What is there before anything of the list is loaded."""
        self.early_pools.find(self.environment)

    @contextlib.contextmanager
    def noted(self, name, whose):
        """Module `name` is loaded meanwhile: what changes is somebody's, and `whose` gives the package whose code runs."""

        def whose_or_own():
            return whose() or top_level(name)

        self.cache.when_used, self.changing = self.change, None
        self.values, self.seen = dict(os.environ), dict(RAW_ENVIRONMENT)
        with self.filters.noted(whose_or_own), self.loggers.noted(whose_or_own), self.registrations.noted():
            try:
                yield
            finally:
                self.credit(top_level(name), libraries=True)

    def try_import(self, name):
        """Imports module `name` in a trial, where what it changes beside is its own as it is when it is loaded ahead."""
        with self.noted(name, lambda: name):
            importlib.import_module(name)

    def credit(self, package, libraries):
        """What has changed since the last look this package has changed; with a look for libraries or without, which takes longer."""
        if self.seen is None:
            return
        self.registrations.credit(package)
        if self.seen != RAW_ENVIRONMENT:
            before = self.values
            self.values, self.seen = dict(os.environ), dict(RAW_ENVIRONMENT)
            self.credit_variables(package, changed_variables(before, self.values))
        options = options_of(package, self.cache.module(package))
        if options:
            read = self.cache.lookup.read.get(package, {})
            self.options.setdefault(package, {}).update({name: read.pop(name) for name in options.keys() & read.keys()})
        if libraries:
            known = {file for pools in (self.early_pools, *self.pools.values()) for file in pools.sizes}
            self.pools.setdefault(package, Pools()).find(self.environment, known)

    def credit_variables(self, package, values):
        """Of what it has read before, it has set a default: that is not for who has another value there."""
        self.variables.setdefault(package, {}).update(values)
        read = self.cache.lookup.read.get(package, {})
        for name in read.keys() & values.keys():
            self.defaults.setdefault(package, {})[name] = read.pop(name)

    def end(self, package, kibibytes):
        """So much memory was it in all."""
        self.seen = None
        self.resident[package] = self.resident.get(package, 0) + kibibytes

    def settle(self):
        """Nothing more is to be loaded, for now: a worker need not ask for those that have changed nothing."""
        self.changing = {*self.variables, *self.filters.packages(), *self.loggers.packages(), *self.registrations.packages()}

    def change(self, packages):
        """As the imports of these have done."""
        if self.changing is not None and self.changing.isdisjoint(packages):
            return
        self.set_variables(packages)
        self.filters.put_back(packages)
        self.loggers.put_back(packages)
        self.registrations.put_back(packages)

    def set_variables(self, packages):
        """In the order in which they have been set: a package sets its own after those of the packages that it needs."""
        for package, values in self.variables.items():
            if package in packages:
                defaults = self.defaults.get(package, {})
                kept = {name for name, before in defaults.items() if os.environ.get(name) != before}
                set_variables({name: value for name, value in values.items() if name not in kept})

    def pass_on(self):
        """In a worker: what is loaded ahead is as if it had been loaded here, when it is first imported."""
        self.early_pools.resize(self.environment)
        self.cache.when_used = self.adapt
        shuffle = sys.modules.get("pyspark.shuffle")
        if shuffle is not None:
            measure_own(shuffle, self.unused)

    def adapt(self, packages):
        """Has this process, too, what the import has changed, or would have had otherwise."""
        self.change(packages)
        self.reseed(packages)
        for package in packages:
            if package in self.pools:
                self.pools[package].resize(os.environ)
            if package in self.options:
                set_options(package, self.cache.module(package), self.options[package], os.environ)
            if package == "pyarrow":
                resize_arrow(self.cache.module(package), self.environment, os.environ)
                choose_memory(self.cache.module(package), self.environment, os.environ)

    def reseed_early(self):
        """In a worker: numpy's numbers where PySpark has imported it, but for who has seeded them at the interpreter's start."""
        if "numpy.random" not in self.cache.at_start:
            self.reseed(["numpy"])

    def reseed(self, packages):
        """Those of each process that imports it: on stock a task's own children do that, where it has not itself."""
        if not {"numpy", "numpy.random"}.isdisjoint(packages) and "numpy.random" in sys.modules:
            reseed(sys.modules["numpy.random"], sys.modules["numpy"])

    def unused(self):
        """Bytes of what was loaded ahead and nobody has imported here."""
        return sum(size for package, size in self.resident.items() if package in self.cache.entries) * 1024

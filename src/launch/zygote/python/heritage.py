"""What packages that are loaded ahead bring beside modules, and how a worker has it as if it had loaded them itself."""

import os
import sys

from pools import Pools, resize_arrow
from state import set_variables
from worker import measure_own


class Heritage:
    """Thread pools, memory, and variables of the environment, by the top-level name of the package."""

    def __init__(self, cache):
        self.cache = cache
        self.environment = dict(os.environ)
        self.early_pools = Pools()
        self.pools = {}
        self.resident = {}
        self.variables = {}

    def find_early(self):
        """What is there before anything of the list is loaded."""
        self.early_pools.find(self.environment)

    def add(self, package, kibibytes, variables):
        """What this package has just brought."""
        known = {file for pools in (self.early_pools, *self.pools.values()) for file in pools.sizes}
        self.pools.setdefault(package, Pools()).find(self.environment, known)
        self.resident[package] = self.resident.get(package, 0) + kibibytes
        self.variables.setdefault(package, {}).update(variables)

    def pass_on(self):
        """In a worker: what is loaded ahead is as if it had been loaded here, when it is first imported."""
        self.early_pools.resize(self.environment)
        self.cache.when_used = self.adapt
        shuffle = sys.modules.get("pyspark.shuffle")
        if shuffle is not None:
            measure_own(shuffle, self.unused)

    def adapt(self, package):
        """Has this process, too, what the import has changed, or would have had otherwise."""
        set_variables(self.variables.get(package, {}))
        if package in self.pools:
            self.pools[package].resize(os.environ)
        if package == "pyarrow":
            resize_arrow(self.cache.module(package), self.environment, os.environ)

    def unused(self):
        """Bytes of what was loaded ahead and nobody has imported here."""
        return sum(size for package, size in self.resident.items() if package in self.cache.entries) * 1024

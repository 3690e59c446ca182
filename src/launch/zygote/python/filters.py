"""Filters of warnings that imports add: a worker has them when it imports what has added them, before all that it has by then."""

import contextlib
import warnings


class Filters:
    """By the top-level name of the package."""

    def __init__(self):
        self.added = []

    @contextlib.contextmanager
    def noted(self, whose):
        """What is added meanwhile, and stays, is noted for the package that `whose` gives, and taken away at the end."""
        add = getattr(warnings, "_add_filter", None)
        if add is None:
            yield
            return
        before, noted = list(warnings.filters), []

        def adding(*item, append=False):
            noted.append((whose(), item, append))
            add(*item, append=append)

        warnings._add_filter = adding
        try:
            yield
        finally:
            warnings._add_filter = add
            self.undo(before, noted)

    def undo(self, before, noted):
        """Unless there is more to undo than what was added."""
        now = list(warnings.filters)
        kept = [(whose, item, append) for whose, item, append in noted if item in now and item not in before]
        self.set(before)
        for _, item, append in kept:
            warnings._add_filter(*item, append=append)
        if warnings.filters == now:
            self.added += kept
            self.set(before)
        else:
            self.set(now)

    def set(self, filters):
        warnings.filters[:] = filters
        warnings._filters_mutated()

    def add(self, packages):
        for whose, item, append in self.added:
            if whose in packages:
                warnings._add_filter(*item, append=append)

"""Filters of warnings that imports add: a worker has them when it imports what has added them, before all that it has by then."""

import contextlib
import warnings

# They are Python's own business, as of 3.8 to 3.14; where they are not there, filters are left as they are.
CAN_BE_NOTED = hasattr(warnings, "_add_filter") and hasattr(warnings, "_filters_mutated")


class Filters:
    """By the top-level name of the package."""

    def __init__(self):
        self.added = []
        self.noting = []

    @contextlib.contextmanager
    def noted(self, whose):
        """What is added meanwhile, and stays, is noted for the package that `whose` gives, and taken away at the end."""
        if not CAN_BE_NOTED:
            yield
            return
        add, before = warnings._add_filter, list(warnings.filters)
        self.noting = []

        def adding(*item, append=False):
            self.noting.append((whose(), item, append))
            add(*item, append=append)

        warnings._add_filter = adding
        try:
            yield
        finally:
            warnings._add_filter = add
            self.undo(before)

    def undo(self, before):
        """Unless there is more to undo than what was added."""
        now = list(warnings.filters)
        kept = [(whose, item, append) for whose, item, append in self.noting if item in now and item not in before]
        self.set(before)
        for _, item, append in kept:
            warnings._add_filter(*item, append=append)
        if warnings.filters == now:
            self.added += [one for one in kept if one not in self.added]
            self.set(before)
        else:
            self.set(now)

    def set(self, filters):
        warnings.filters[:] = filters
        warnings._filters_mutated()

    def packages(self):
        return {whose for whose, _, _ in self.added}

    def put_back(self, packages):
        """Does not look for equal ones, which would be read, and so copied from the zygote's memory."""
        added = [one for one in self.added if one[0] in packages]
        self.noting += added
        for _, item, append in added:
            warnings.filters.insert(len(warnings.filters) if append else 0, item)
        if added:
            warnings._filters_mutated()

"""What imports enter into lists of the interpreter and into the context of the thread: a worker has it when it imports what has
entered it.
"""

import contextlib
import contextvars
import sys

# The context of calculations: an import that makes it takes what `decimal.DefaultContext` is by then.
OF_DECIMAL = "decimal_context"


def lists():
    return sys.meta_path, sys.path_hooks


def is_among(one, items):
    return any(item is one for item in items)


class Registrations:
    """Finders of modules and variables of the context, by the top-level name of the package."""

    def __init__(self):
        self.finders = []
        self.variables = []
        self.seen = self.context = None

    @contextlib.contextmanager
    def noted(self):
        """Of the lists, what is added meanwhile is taken out at the end; the context is the caller's."""
        before = self.seen = [list(items) for items in lists()]
        self.context = dict(contextvars.copy_context())
        try:
            yield
        finally:
            for items, kept in zip(lists(), before):
                if len(items) > len(kept):
                    items[:] = [item for item in items if is_among(item, kept)]
            self.seen = self.context = None

    def credit(self, package):
        """What has been added since the last look this package has added."""
        if self.seen is None:
            return
        now = [list(items) for items in lists()]
        if now != self.seen:
            for index, (items, seen) in enumerate(zip(now, self.seen)):
                self.credit_finders(package, index, items, seen)
            self.seen = now
        context = dict(contextvars.copy_context())
        changed = {variable: value for variable, value in context.items() if self.context.get(variable) is not value}
        self.variables += [(package, variable, value) for variable, value in changed.items()]
        self.context = context

    def credit_finders(self, package, index, items, seen):
        known = [*seen, *(finder for _, _, finder, _ in self.finders)]
        first = next((place for place, item in enumerate(items) if is_among(item, seen)), len(items))
        for place, item in [*reversed(list(enumerate(items[:first]))), *enumerate(items[first:], first)]:
            if not is_among(item, known):
                self.finders.append((package, index, item, place < first))

    def packages(self):
        return {package for package, *_ in (*self.finders, *self.variables)}

    def put_back(self, packages):
        for package, index, finder, is_first in self.finders:
            items = lists()[index]
            if package in packages and not is_among(finder, items):
                items.insert(0 if is_first else len(items), finder)
        for package, variable, value in self.variables:
            if package in packages:
                self.set(variable, value)

    def set(self, variable, value):
        if variable.name != OF_DECIMAL:
            variable.set(value)
        else:
            sys.modules["decimal"].getcontext()

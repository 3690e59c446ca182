"""Where that is in memory which `sys.modules` refers to.

What is imported is put back into `sys.modules`, which counts a reference to each module and to each name. Before Python 3.12 that
is written to their pages, and a worker copies each page that it writes to: hundreds where modules are wherever there was room
when they were made, a few dozen where they are in a row.
"""

import contextlib
import importlib._bootstrap
import types

IN_A_ROW = 256


def copied(name):
    """The same in another place: what is copied in a row is in a row."""
    return "".join((name[:1], name[1:]))


class Row:
    """Makes modules."""

    def __init__(self):
        self.empty = []

    def module(self, name):
        """As the import makes one."""
        if not self.empty:
            self.empty = [types.ModuleType.__new__(types.ModuleType) for _ in range(IN_A_ROW)][::-1]
        module = self.empty.pop()
        module.__init__(name)
        return module

    @contextlib.contextmanager
    def of_imports(self):
        """Modules that are imported are in this row; C code makes its own."""
        original = importlib._bootstrap._new_module
        importlib._bootstrap._new_module = self.module
        try:
            yield
        finally:
            importlib._bootstrap._new_module = original

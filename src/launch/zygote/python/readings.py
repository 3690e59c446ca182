"""Which variables of the environment an import reads: with other values of those it might give something else."""

import os
import sys

from entries import is_of_interpreter

# By way of these others read.
BETWEEN = {"os", "posixpath", "collections.abc"}


def is_for_interpreter():
    """Whether it is the interpreter's own code that reads: its results are the same for all that is of use here."""
    frame = sys._getframe(1)
    own = frame.f_code.co_filename
    while frame is not None and (frame.f_code.co_filename == own or frame.f_globals.get("__name__") in BETWEEN):
        frame = frame.f_back
    file = frame.f_code.co_filename if frame is not None else ""
    return file.startswith("<frozen ") or is_of_interpreter(file)


class Readings:
    """Has `told` hear of each variable that a package's Python code reads by its name, and of its value, or None.

    Who copies all of them reads none: a worker's environment is never the same in all.
    """

    def __init__(self, told):
        self.told = told
        self.before = {}
        self.to_copy = []

    def begin(self):
        """What is changed from now on is not what a task might have set."""
        self.before = dict(os.environ)
        self.kind = type(os.environ)
        self.originals = self.kind.__getitem__, self.kind.__iter__
        read, iterate = self.originals

        def reading(environment, name):
            try:
                value = read(environment, name)
            except KeyError:
                self.hear(name, None)
                raise
            self.hear(name, value)
            return value

        def iterating(environment):
            self.to_copy = []
            for name in iterate(environment):
                self.to_copy.append(name)
                yield name

        self.kind.__getitem__, self.kind.__iter__ = reading, iterating

    def end(self):
        self.kind.__getitem__, self.kind.__iter__ = self.originals

    def hear(self, name, value):
        if self.to_copy[:1] == [name]:  # in the order of the names, at once or after all of them
            del self.to_copy[0]
        elif self.before.get(name) == value and not is_for_interpreter():
            self.told(name, value)

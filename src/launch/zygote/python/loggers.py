"""Loggers that imports make: a worker has them when it imports what has made them, as if they were made then."""

import contextlib
import logging
import sys

from entries import top_level


def running_package():
    """Of the module whose code runs. None where that is this program's."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    name = top_level(frame.f_globals.get("__name__", "")) if frame else "__main__"
    return None if name == "__main__" else name


def copied(manager):
    """What is entered there, and how it hangs together."""
    entered = dict(manager.loggerDict)
    children = {name: dict(one.loggerMap) for name, one in entered.items() if isinstance(one, logging.PlaceHolder)}
    parents = {name: one.parent for name, one in entered.items() if name not in children}
    return entered, children, parents


def restore(manager, before):
    entered, children, parents = before
    manager.loggerDict.clear()
    manager.loggerDict.update(entered)
    for name, loggers in children.items():
        entered[name].loggerMap = loggers
    for name, parent in parents.items():
        entered[name].parent = parent


def share(logger, other):
    """One logger from now on, by two references: what `other` is, with what an import has set of `logger`."""
    for handler in logger.handlers:
        other.addHandler(handler)
    for condition in logger.filters:
        other.addFilter(condition)
    if logger.level:
        other.setLevel(logger.level)
    other.propagate = other.propagate and logger.propagate
    logger.__dict__ = other.__dict__
    with contextlib.suppress(TypeError):  # where the class has attributes in another way
        logger.__class__ = type(other)


class Loggers:
    """By the top-level name of the package whose code has made them."""

    def __init__(self):
        self.made = []
        self.whose = None

    @contextlib.contextmanager
    def noted(self, whose):
        """Who is made meanwhile is noted, for the package that `whose` gives where no module's code runs, and taken out at the end."""
        manager, self.whose = logging.root.manager, whose
        before, kind = copied(manager), manager.loggerClass
        manager.loggerClass = self.make
        try:
            yield
        finally:
            if manager.loggerClass == self.make:
                manager.loggerClass = kind
            restore(manager, before)

    def make(self, name):
        logger = logging.getLoggerClass()(name)
        self.made.append((running_package() or self.whose(), logger))
        return logger

    def packages(self):
        return {package for package, _ in self.made}

    def put_back(self, packages):
        for package, logger in self.made:
            if package in packages:
                self.enter(logger)

    def enter(self, logger):
        """As `getLogger` does, for which a task may have made one of this name, or another class."""
        manager = logging.root.manager
        with logging._lock:
            kind = manager.loggerClass
            ordinary = logging.getLoggerClass() if kind in (None, self.make) else kind
            is_there = isinstance(manager.loggerDict.get(logger.name), logging.Logger)
            if is_there or type(logger) is not ordinary:
                share(logger, manager.getLogger(logger.name))
                return
            logger._cache.clear()
            manager.loggerClass = lambda _: logger
            try:
                manager.getLogger(logger.name)
            finally:
                manager.loggerClass = kind

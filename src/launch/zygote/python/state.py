"""What an import may change of the process, beside what it loads: a worker would find that changed before its time."""

import _locale
import builtins
import contextlib
import contextvars
import gc
import os
import signal
import socket
import sys
import warnings

from filters import CAN_BE_NOTED


def read_umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def changed_variables(before, now):
    """Values by name, None for what is not there any more."""
    names = {name for name, _ in now.items() ^ before.items()}
    return {name: now.get(name) for name in names}


def set_variables(values):
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def read_directory():
    """None where it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None


def words(state):
    """Of a generator of random numbers: comparable."""
    if isinstance(state, dict):
        return [words(value) for value in state.values()]
    return state.tobytes() if hasattr(state, "tobytes") else state


def of_logging(logging):
    manager = logging.root.manager
    kinds = logging.getLoggerClass(), manager.loggerClass, dict(logging._levelToName)
    return logging.root.level, list(logging.root.handlers), manager.disable, kinds


def of_decimal(decimal):
    context = contextvars.copy_context().run(decimal.getcontext)  # which makes one where there is none yet
    return context.prec, context.rounding, context.Emin, context.Emax, dict(context.traps)


# What else is one for all code of a process: how it is found, by what to call it.
OF_INTERPRETER = {
    "the locale": lambda: _locale.setlocale(_locale.LC_ALL),
    "the limit of recursion": sys.getrecursionlimit,
    "the garbage collector": lambda: (gc.isenabled(), gc.get_threshold(), list(gc.callbacks)),
    "hooks of the interpreter": lambda: (
        sys.excepthook,
        sys.displayhook,
        sys.gettrace(),
        sys.getprofile(),
        sys.getswitchinterval(),
    ),
    "the finders of modules": lambda: (list(sys.meta_path), list(sys.path_hooks)),
    "the standard streams": lambda: (sys.stdin, sys.stdout, sys.stderr),
    "what is built in": lambda: {name: id(value) for name, value in vars(builtins).items()},
    "the filters of warnings": lambda: list(warnings.filters) if CAN_BE_NOTED else [],
    "the handlers of signals": lambda: [signal.getsignal(number) for number in sorted(signal.valid_signals())],
}
# The same of modules, where they are loaded.
OF_MODULES = {
    "the root logger": ("logging", of_logging),
    "the context of decimals": ("decimal", of_decimal),
    "the state of random": ("random", lambda random: random.getstate()),
    "the state of numpy.random": ("numpy.random", lambda random: words(random.get_state(legacy=False))),
}


class ProcessState:
    """As it is when this is made; `module` gives what is loaded by a name."""

    def __init__(self, module=sys.modules.get):
        self.module = module
        self.directory = read_directory()
        self.umask = read_umask()
        self.environment = dict(os.environ)
        self.path = list(sys.path)
        self.timeout = socket.getdefaulttimeout()
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(self.wakeup, warn_on_full_buffer=False)
        self.others = {what: look() for what, look in OF_INTERPRETER.items()}
        for what, (name, look) in OF_MODULES.items():
            with contextlib.suppress(AttributeError):  # not loaded, or in another way
                self.others[what] = look(module(name))

    def variables(self):
        """What has changed in the environment since."""
        return changed_variables(self.environment, os.environ)

    def restore(self):
        """Gives what was not so any more, in words; the environment is told by `variables`. It is not all as it was then."""
        now = ProcessState(self.module)
        changed = [what for what, value in self.others.items() if now.others.get(what, value) != value]
        if now.directory != self.directory:
            changed.append("the directory")
            os.chdir(self.directory or "/")
        if now.umask != self.umask:
            changed.append("the umask")
            os.umask(self.umask)
        set_variables({name: self.environment.get(name) for name in self.variables()})
        if now.path != self.path:
            changed.append("sys.path")
            sys.path[:] = self.path
        if now.timeout != self.timeout:
            changed.append("the timeout of sockets")
            socket.setdefaulttimeout(self.timeout)
        if now.mask != self.mask:
            changed.append("the signals that are blocked")
            signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
        if now.wakeup != self.wakeup:
            changed.append("who is told of signals")
            signal.set_wakeup_fd(self.wakeup, warn_on_full_buffer=False)
        return changed

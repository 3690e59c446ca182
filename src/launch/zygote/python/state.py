"""What an import may change of the process, beside what it loads: a worker would find that changed before its time."""

import contextlib
import gc
import os
import signal
import socket
import sys


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


def forget_distributions():
    """Has `importlib.metadata` close archives, which it keeps open for the next look: all workers would read at one position."""
    metadata = sys.modules.get("importlib.metadata")
    with contextlib.suppress(AttributeError):  # what older and newer ones have in its place
        cache = metadata.FastPath.__new__
        if cache.cache_info().currsize:
            cache.cache_clear()
            gc.collect()  # they hold on to themselves


class ProcessState:
    """As it is when this is made."""

    def __init__(self):
        self.directory = read_directory()
        self.umask = read_umask()
        self.environment = dict(os.environ)
        self.path = list(sys.path)
        self.timeout = socket.getdefaulttimeout()
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        self.wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(self.wakeup, warn_on_full_buffer=False)

    def variables(self):
        """What has changed in the environment since."""
        return changed_variables(self.environment, os.environ)

    def restore(self):
        """Gives what was not so any more, in words; the environment is told by `variables`."""
        now, changed = ProcessState(), []
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

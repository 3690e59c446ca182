"""Hears what workers have imported themselves (`stopwatch.py`). Anybody may send here: what is not a worker's, by the kernel's
word, or not in order is dropped, and of each worker no more is taken than there is room for.
"""

import contextlib
import json
import os
import socket
import struct
import sys

from entries import found_by_path, place_of, top_level
from stopwatch import MOST_BYTES

MOST_OF_A_WORKER = 256
# At once, so that requests do not wait for those who send a lot.
MOST_AT_ONCE = 16
MOST_CHARACTERS = 100
MOST_MILLIS = 3_600_000
CREDENTIALS = struct.Struct("3i")


def is_name(name):
    return len(name) <= MOST_CHARACTERS and name.isascii() and all(part.isidentifier() for part in name.split("."))


def is_time(value):
    return type(value) is int and 0 <= value <= MOST_MILLIS


def parsed(data):
    """Names and milliseconds; nothing of what is not in order."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    pairs = told.items() if isinstance(told, dict) else ()
    return {name: millis for name, millis in pairs if is_name(name) and is_time(millis)}


class Listener:
    """A socket by a name that the kernel keeps: no file, and no descriptor in a worker."""

    def __init__(self, places, loaded=sys.modules.get):
        """`places`: entries of the path where a module may be found to be worth loading ahead; `loaded` gives one that already is."""
        self.places, self.loaded = places, loaded
        self.told = {}
        self.address = b"\0native-python-worker-" + os.urandom(12).hex().encode()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.address)

    def fileno(self):
        return self.socket.fileno()

    def close(self):
        self.socket.close()

    def heard(self, workers):
        """What some of these workers, by their pids, have imported that they have not told yet; whether it is the first of one."""
        for _ in range(MOST_AT_ONCE):
            try:
                data, ancillary, flags, _ = self.socket.recvmsg(MOST_BYTES, socket.CMSG_SPACE(CREDENTIALS.size))
            except OSError:
                return
            pid = next((CREDENTIALS.unpack(content)[0] for _, kind, content in ancillary if kind == socket.SCM_CREDENTIALS), 0)
            modules = self.new_of(pid, parsed(data)) if pid in workers and not flags & socket.MSG_TRUNC else {}
            if modules:
                first = len(self.told[pid]) == len(modules)
                yield {"pid": pid, "modules": modules, "first": first}

    def new_of(self, pid, modules):
        told = self.told.setdefault(pid, set())
        new = {name: millis for name, millis in modules.items() if name not in told and self.may_be_loaded(name)}
        if len(told) + len(new) > MOST_OF_A_WORKER:
            return {}
        told.update(new)
        return new

    def may_be_loaded(self, name):
        """Whether it is found here as well, where no session's files are, and is not loaded already."""
        if self.loaded(name) is not None:
            return False
        with contextlib.suppress(Exception):
            return place_of(found_by_path(top_level(name))) in self.places
        return False

    def forget(self, pid):
        self.told.pop(pid, None)

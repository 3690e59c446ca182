"""The files of what was loaded, and the places it was looked for in: either may change while the zygote lives."""

import contextlib
import mmap
import os
import struct
import time

from entries import found_by_path, holds, is_of_interpreter, place_of, stamp, top_level
from linux import LIBC
from stamps import Stamps

# Of a directory (`inotify`): something in it was written and closed, renamed, made or removed.
CHANGES = 0x8 | 0x40 | 0x80 | 0x100 | 0x200
# Between looks at files whose changes nobody tells us, as on network file systems.
LOOK_SECONDS = 1
# Of one core, for those looks.
MOST_OF_A_CORE = 0.01
EVENT = struct.Struct("iIII")


def found(name):
    """What an import would find by the path."""
    spec = found_by_path(name)
    return (spec.origin, stamp(spec.origin)) if spec and spec.has_location else None


class Sources:
    """Tells what has changed."""

    def __init__(self):
        self.stamps = Stamps()
        self.directories = {}
        self.watched = set()
        self.watches = {}
        self.found = {}
        self.wanted = {}
        self.next_look = 0
        self.events = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.news = mmap.mmap(-1, 1)  # all workers see it
        self.watcher = os.getpid()

    def has_news(self):
        """Whether something may have changed, also in a process that was forked from this one."""
        return bool(self.news[0]) or self.watcher not in (os.getpid(), os.getppid())

    def add(self, file):
        """What was read from this file."""
        if file in self.stamps or not os.path.isabs(file) or is_of_interpreter(file):
            return
        known = stamp(file)
        if known is not None:
            self.expect(file, known)

    def expect(self, file, known):
        """The file is to stay as it is: None for one that is not there."""
        self.stamps.expect(file, known)
        self.watch(os.path.dirname(file))

    def add_path(self, path, specs, wanted=()):
        """By these entries of the path modules were found (`specs`, by name); others are wanted, and not loaded."""
        for item in path:
            if os.path.isfile(item):
                self.expect(os.path.abspath(item), stamp(item))  # an archive
            elif os.path.isabs(item) and not is_of_interpreter(item):
                self.directories.setdefault(item, stamp(item))
                self.watch(item)
        for name, spec in specs.items():
            place = place_of(spec)
            if place in path:
                self.found[name] = path[: path.index(place)]
        self.wanted.update({name: found(name) for name in map(top_level, wanted)})

    def watch(self, directory):
        if directory not in self.watched:
            self.watched.add(directory)
            number = LIBC.inotify_add_watch(self.events, os.fsencode(directory), CHANGES)
            if number >= 0:
                self.watches[number] = directory

    def told(self):
        """What has changed by the kernel's word; None where nothing of ours has."""
        changed = None
        for number, name in self.read_events():
            directory = self.watches.get(number)
            if directory and not changed:
                changed = self.changed_in(directory, name)
        return self.noted(changed)

    def noted(self, changed):
        if changed:
            self.news[0] = 1
        return changed

    def read_events(self):
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self.events, 1 << 16)
        while data:
            number, _, _, length = EVENT.unpack_from(data)
            name = data[EVENT.size : EVENT.size + length].rstrip(b"\0")
            data = data[EVENT.size + length :]
            yield number, os.fsdecode(name)

    def changed_in(self, directory, name):
        file = os.path.join(directory, name)
        if file in self.stamps:
            return file if self.stamps.has_changed(file) else None
        return file if directory in self.directories and self.would_be_found(directory, name.partition(".")[0]) else None

    def would_be_found(self, directory, name):
        """Whether an import would now find here what was found elsewhere, or not at all."""
        if self.wanted.get(name) is not None:
            return found(name) != self.wanted[name]
        # Nowhere else: archives on the path would be read, and workers would inherit what has read them.
        return (name in self.wanted or directory in self.found.get(name, ())) and holds(directory, name)

    def seen(self):
        """The same by a look of our own, if it is time for one."""
        now = time.monotonic()
        if now < self.next_look:
            return None
        changed = self.noted(self.look())
        self.next_look = time.monotonic() + max(LOOK_SECONDS, (time.monotonic() - now) / MOST_OF_A_CORE)
        return changed

    def look(self):
        file = self.stamps.first_changed()
        if file:
            return file
        for directory, known in self.directories.items():
            now = stamp(directory)
            if now != known:
                self.directories[directory] = now
                for name in {*self.found, *self.wanted}:
                    if self.would_be_found(directory, name):
                        return os.path.join(directory, name)
        return None

    def close(self):
        if self.events >= 0:
            os.close(self.events)

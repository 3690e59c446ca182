"""Stamps of many files, which are compared again and again in a process that forks.

To look at a Python object is to count a reference, and so to write to its page, which all workers that have been forked since the
last look are left a copy of. Files and stamps are thousands of objects; here they are two, and their text is not written to.
"""

import os
import struct

from entries import stamp

# Of a file: when it was modified, in nanoseconds, and its size.
STAMP = struct.Struct("qq")
ABSENT = -1, -1
# What no name of a file has.
END = b"\0"


class Stamps:
    """By the name of the file."""

    def __init__(self):
        self.known = {}
        self.names, self.numbers = bytearray(), bytearray()

    def __contains__(self, file):
        return file in self.known

    def expect(self, file, known):
        """The file is to stay as it is: None for one that is not there."""
        if file not in self.known:
            self.known[file] = known
            self.names += os.fsencode(file) + END
            self.numbers += STAMP.pack(*(known or ABSENT))

    def has_changed(self, file):
        return stamp(file) != self.known[file]

    def first_changed(self):
        """None if all are as they were."""
        begin = 0
        for known in STAMP.iter_unpack(self.numbers):
            end = self.names.index(END, begin)
            file = bytes(self.names[begin:end])
            if (stamp(file) or ABSENT) != known:
                return os.fsdecode(file)
            begin = end + 1
        return None

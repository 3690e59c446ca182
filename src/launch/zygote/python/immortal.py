"""Objects that nobody writes to by counting references to them: CPython has such from 3.12 on (PEP 683).

A worker shares a page with its zygote until it writes to it, and to hold on to an object is to write to it. What is immortal is
only read. It is never freed either, which is no loss: what the zygote has loaded stays for a worker's life.
"""

import ctypes
import gc
import sys

BATCH = 1000
# The first page is never mapped.
LOWEST_ADDRESS = 4096
# Half of what a process can address.
ADDRESSES = 1 << 47
WORD_BYTES = 4
# A count that has it is no real one.
SIGN_BIT = 1 << 31


def memory():
    """All of this process's memory, in words of 32 bits. Only what is mapped can be touched."""
    return memoryview((ctypes.c_char * (ADDRESSES - LOWEST_ADDRESS)).from_address(LOWEST_ADDRESS)).cast("B").cast("I")


def word_of(obj):
    """Which word of the memory is the part of an object's reference count that says whether it is immortal."""
    return (id(obj) - LOWEST_ADDRESS) // WORD_BYTES


def is_supported():
    """Whether this interpreter has immortal objects, as far as known, and `None` is one of them.

    3.12 and 3.13 leave alone a count with all bits set, 3.14 one that is large enough; `None` has one that its interpreter takes.
    """
    return (
        sys.implementation.name == "cpython"
        and (3, 12) <= sys.version_info < (3, 15)
        and sys.byteorder == "little"
        and sys.maxsize == ADDRESSES * 65536 - 1
        and "t" not in sys.abiflags  # free-threaded: counts are two numbers there
        and not hasattr(sys, "gettotalrefcount")
        and memory()[word_of(None)] >= SIGN_BIT
    )


def make_immortal():
    """Does so with all objects that the garbage collector knows, but for frozen ones, and with what these hold."""
    if not is_supported():
        return
    words, references = memory(), sys.getrefcount
    count = words[word_of(None)]
    todo = gc.get_objects()
    while todo:
        batch = todo[-BATCH:]
        del todo[-BATCH:]
        mortal = [obj for obj in gc.get_referents(*batch) if references(obj) < SIGN_BIT]
        for obj in batch + mortal:
            words[word_of(obj)] = count
        # Those may hold others in turn, as a tuple of strings does.
        todo += [obj for obj in mortal if not gc.is_tracked(obj)]

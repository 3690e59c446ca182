"""Where things are in memory. A worker shares a page with its zygote until it writes to it: the fewer it writes to, the better.

What is imported is put back into `sys.modules`, which counts a reference to each module and to each name. Before Python 3.12 that
is written to their pages: hundreds where modules are wherever there was room when they were made, a few dozen where they are in
a row. And what a worker makes is put wherever the zygote has left room.
"""

import contextlib
import ctypes
import importlib._bootstrap
import sys
import types

from linux import LIBC

IN_A_ROW = 256
# Of Python's allocator (`obmalloc.c`), which has each of its pools for blocks of one size.
POOL_BYTES = 16384 if sys.version_info >= (3, 10) else 4096
POOL_HEADER_BYTES = 48
# Not those of 32 bytes, as numbers have: addresses are numbers, and there is no end to that.
BLOCK_BYTES = [16, *range(48, 513, 16)]
MOST_BLOCKS = 10_000
# Of C's allocator, the largest first, as it cuts up what is too large. Those of more than a page are in a row themselves.
LARGE_BYTES = [65536, 32768, 16384, 8192]
BIN_BYTES = range(4088, 8, -16)
PYTHON = ctypes.PyDLL(None)  # not `ctypes.pythonapi`, which tasks have, too
PYTHON.PyObject_Malloc.restype, PYTHON.PyObject_Malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
PYTHON.PyObject_Free.restype, PYTHON.PyObject_Free.argtypes = None, [ctypes.c_void_p]


class MallocState(ctypes.Structure):
    """glibc's `struct mallinfo2`, of which only this matters: what is free beyond all blocks."""

    _fields_ = [("others", ctypes.c_size_t * 9), ("keepcost", ctypes.c_size_t)]


with contextlib.suppress(AttributeError):  # `mallinfo2`
    LIBC.sbrk.restype = LIBC.malloc.restype = ctypes.c_void_p
    LIBC.malloc.argtypes, LIBC.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
    LIBC.mallinfo2.restype = MallocState


def copied(name):
    """The same in another place: what is copied in a row is in a row."""
    return "".join((name[:1], name[1:]))


def fill_pools():
    """Leaves no room in pools that are in use, for good: what is made next is in a row, in pools of its own.

    The room is a few hundred kilobytes, which are the zygote's already. Memory that is free in whole pages goes back to the system.
    """
    for size in BLOCK_BYTES:
        before = 0
        for _ in range(MOST_BLOCKS):
            block = PYTHON.PyObject_Malloc(size) or 0
            if before % POOL_BYTES == POOL_HEADER_BYTES and block == before + size:  # of a pool that nothing else is in
                PYTHON.PyObject_Free(block)
                PYTHON.PyObject_Free(before)
                break
            before = block
        else:
            return  # another allocator (`PYTHONMALLOC`)
    with contextlib.suppress(AttributeError):  # only glibc has it
        LIBC.malloc_trim(0)
        fill_bins()


def fill_bins():
    """The same for larger blocks, which C's allocator has free between those that are in use: what C code asks for, and Python for
    more than 512 bytes, is in a row. Only glibc says what that takes, from 2.33 on.
    """
    top = LIBC.sbrk(0) - LIBC.mallinfo2().keepcost  # no block that was free before is beyond it
    free_again = []
    for size in [*LARGE_BYTES, *BIN_BYTES]:
        for _ in range(MOST_BLOCKS):
            block = LIBC.malloc(size)
            if not block or block >= top:
                LIBC.free(block)
                break
            if size in LARGE_BYTES:
                free_again.append(block)
    for block in free_again:
        LIBC.free(block)


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

"""A module that has 1 GiB resident, all of it the same 16 MiB: costly to look through, and harmless to the machine."""

import mmap
import os

SIZE = 16 << 20
file = os.memfd_create("much")
os.ftruncate(file, SIZE)
maps = [mmap.mmap(file, SIZE, mmap.MAP_SHARED | mmap.MAP_POPULATE) for _ in range(64)]

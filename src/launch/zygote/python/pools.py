"""Thread pools of libraries that are loaded ahead: those of a fresh import have the size that the environment says then.

A library for linear algebra starts its threads when it is loaded. The zygote must have none, so it loads them with one
thread, and a worker sets the number when it first imports what uses them.
"""

import contextlib
import ctypes
import os

# What OpenBLAS looks at before all else. It is set while modules are loaded ahead.
SINGLE = {"OPENBLAS_NUM_THREADS": "1"}
# Of OpenBLAS and OpenMP: names of the function that sets the number. Those in numpy's and scipy's own builds have a prefix, and
# another ending where integers have 64 bits.
SET_OPENBLAS = [prefix + "openblas_set_num_threads" + ending for prefix in ("scipy_", "") for ending in ("64_", "_64", "")]
SET_OPENMP = ["omp_set_num_threads"]
SET_MKL = ["MKL_Set_Num_Threads"]


def number(environment, name):
    """As C's `atoi` reads it; 0 where there is none."""
    text = environment.get(name, "").strip()
    digits = text[:1].replace("+", "0") + text[1:]
    end = next((i for i, one in enumerate(digits) if not one.isdigit()), len(digits))
    return int(digits[:end] or 0)


def first_of(environment, *names):
    return next(filter(None, (number(environment, name) for name in names)), 0)


def cores():
    return len(os.sched_getaffinity(0))


def of_openblas(environment):
    wanted = first_of(
        environment, "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_DEFAULT_NUM_THREADS"
    )
    return min(wanted or cores(), cores())


def of_openmp(environment):
    wanted = first_of(environment, "OMP_NUM_THREADS") or cores()
    return min(wanted, number(environment, "OMP_THREAD_LIMIT") or wanted)


def of_mkl(environment):
    return first_of(environment, "MKL_NUM_THREADS", "OMP_NUM_THREADS") or cores()


KINDS = [
    (("openblas",), SET_OPENBLAS, of_openblas),
    (("libgomp", "libiomp", "libomp"), SET_OPENMP, of_openmp),
    (("libmkl_rt",), SET_MKL, of_mkl),
]


def loaded_libraries():
    """None that are known where there is no descriptor left to look."""
    with contextlib.suppress(OSError), open("/proc/self/maps") as maps:
        found = {line.split(None, 5)[5].strip() for line in maps if ".so" in line}
        return sorted(file for file in found if os.path.isabs(file))
    return []


def function(file, names):
    """The first of these that the library has."""
    library = ctypes.CDLL(file, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
    for name in names:
        with contextlib.suppress(AttributeError):
            return getattr(library, name)
    return None


class Pools:
    """Of the libraries that were loaded in some time."""

    def __init__(self):
        self.sizes = {}
        self.environment = {}

    def find(self, environment, known=()):
        """Looks for those that were loaded since these were known, with this environment."""
        self.environment = {**environment, **SINGLE}
        for file in loaded_libraries():
            for words, names, size in KINDS:
                if file not in known and any(word in os.path.basename(file) for word in words):
                    with contextlib.suppress(OSError):
                        self.sizes[file] = size, function(file, names)

    def resize(self, environment):
        """As if they were loaded now."""
        for size, set_number in self.sizes.values():
            wanted = size(environment)
            if set_number and wanted != size(self.environment):
                set_number(wanted)


def of_arrow(environment):
    """As Arrow sizes its pool for computing."""
    wanted = number(environment, "OMP_NUM_THREADS") or cores()
    return max(1, min(wanted, number(environment, "OMP_THREAD_LIMIT") or wanted))


def resize_arrow(arrow, loaded_with, environment):
    """Arrow chooses at its first use, which is in the zygote."""
    if of_arrow(environment) != of_arrow(loaded_with):
        arrow.set_cpu_count(of_arrow(environment))
    threads = number(environment, "ARROW_IO_THREADS")
    if threads and threads != number(loaded_with, "ARROW_IO_THREADS"):
        arrow.set_io_thread_count(threads)

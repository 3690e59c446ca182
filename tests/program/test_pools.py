"""Thread pools of what is loaded ahead have the size that a fresh import would give them."""

import pytest

# The number of threads of numpy's linear algebra, and of Arrow.
SIZES = """
import ctypes, os

def sizes():
    import numpy, pyarrow
    library = ctypes.CDLL(next(file for file in pools.loaded_libraries() if "openblas" in file))
    names = [name.replace("set", "get") for name in pools.SET_OPENBLAS]
    get = next(getattr(library, name) for name in names if hasattr(library, name))
    return get(), len(os.listdir("/proc/self/task")), pyarrow.cpu_count(), pyarrow.io_thread_count()
"""
FRESH = SIZES + "import numpy, pyarrow; tell(sizes=sizes())"
AHEAD = (
    SIZES
    + """
environment = {name: value for name, value in os.environ.items() if name not in LATE}
late = {name: os.environ.pop(name) for name in LATE}
os.environ.update(pools.SINGLE)
ahead("numpy", "pyarrow")
for name in pools.SINGLE:
    os.environ.pop(name)
os.environ.update(environment)
assert len(os.listdir("/proc/self/task")) == 1
import pyarrow
found = pools.Pools()
found.find(environment)
os.environ.update(late)
found.resize(os.environ)
pools.resize_arrow(pyarrow, environment, os.environ)
tell(sizes=sizes())
"""
)
ARROW = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OMP_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "2"},
        {"OMP_NUM_THREADS": "64", "OMP_THREAD_LIMIT": "3"},
        {"OMP_NUM_THREADS": "2,1"},
        {"OPENBLAS_NUM_THREADS": " 2 ", "OMP_NUM_THREADS": "1"},
        {"OPENBLAS_NUM_THREADS": "none", "GOTO_NUM_THREADS": "2"},
        {"ARROW_IO_THREADS": "3"},
    ],
    ids=str,
)
def test_pools_have_the_size_of_a_fresh_import(interpreter, environment, late):
    """The environment is the executor's, or the task has set it before it imports anything."""
    fresh = interpreter(FRESH, **environment, **ARROW)
    names = sorted(environment) if late else []
    assert interpreter(f"LATE = {names}" + AHEAD, **environment, **ARROW) == fresh

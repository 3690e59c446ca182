"""What a worker does before it is anybody's."""

import json

import pytest

FORKS = """
def in_forks(draw):
    drawn = []
    for _ in range(2):
        read, write = os.pipe()
        if os.fork() == 0:
            worker.draw_anew(cache.module)
            loader.heritage.reseed_early()
            loader.heritage.pass_on()
            os.write(write, str(draw()).encode())
            os._exit(0)
        os.wait()
        drawn.append(os.read(read, 1000).decode())
    return drawn

def drawn():
    import numpy
    return numpy.random.standard_normal()
"""
NUMBERS = """
load(*{modules!r})
random = cache.module("numpy.random")
random.standard_normal()  # there are two of these at a time: the other one is in store
first, second = in_forks(drawn)
tell(differ=first != second, used="numpy" in sys.modules, kind=type(random.mtrand._rand._bit_generator).__name__)
"""
# As the zygote has it: neither numpy nor Arrow starts threads.
QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "MIMALLOC_ARENA_RESERVE": "65536"}
OWN = "import numpy.random\nnumpy.random.set_bit_generator(numpy.random.{}(1))"


@pytest.mark.parametrize("modules", [["numpy.random"], ["numpy", "pandas"]])
def test_each_worker_has_random_numbers_of_its_own(interpreter, begin, modules):
    told = interpreter(begin + FORKS + NUMBERS.format(modules=modules), **QUIET)
    assert told == {"differ": True, "used": False, "kind": "MT19937"}


@pytest.mark.parametrize("kind", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_also_where_a_module_has_set_another_generator(interpreter, folder, begin, kind):
    told = interpreter(begin + FORKS + NUMBERS.format(modules=["own"]), folder("site", own=OWN.format(kind)))
    assert told == {"differ": True, "used": False, "kind": kind}


def test_numbers_that_are_seeded_at_the_interpreters_start_stay(interpreter, folder, begin):
    start = folder("start", sitecustomize="import numpy.random\nnumpy.random.seed(42)")
    code = "load('secrets')\nfirst, second = in_forks(drawn)\ntell(drawn=[first, second])"
    told = interpreter(begin + FORKS + code, PYTHONPATH=str(start), OMP_NUM_THREADS="1")
    assert [round(float(number), 6) for number in told["drawn"]] == [0.496714, 0.496714]


AMONG_CHILDREN = """
def children():
    import {imported}
    return in_forks(drawn)

{load}
loader.heritage.pass_on()
first, second = children()
tell(differ=first != second)
"""


@pytest.mark.parametrize("imported", ["numpy", "numpy.random", "pandas"])
def test_the_children_of_a_task_have_what_they_would_have(interpreter, begin, imported):
    """Each seeds for itself what the task has not imported before: that may be lazy, and comes with another package."""
    alone = FORKS.replace("worker.draw_anew(cache.module)", "").replace("loader.heritage.reseed_early()", "")
    alone = alone.replace("loader.heritage.pass_on()", "pass")
    code = alone + AMONG_CHILDREN.format(imported=imported, load="{load}")
    loaded = interpreter(begin + code.format(load="load('numpy', 'pandas')"), **QUIET)
    assert loaded == interpreter(begin + code.format(load=""))


KEYS = """
load("multiprocessing")
process = cache.module("multiprocessing.process")
first, second = in_forks(lambda: process.current_process().authkey.hex())
tell(differ=first != second, used="multiprocessing" in sys.modules, size=len(first))
"""


def test_each_worker_knows_the_processes_that_it_starts_by_a_key_of_its_own(interpreter, begin):
    assert interpreter(begin + FORKS + KEYS) == {"differ": True, "used": False, "size": 64}


GROUP = """
import resource
started, go = os.pipe()
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    os.read(started, 1)
    in_group = os.getpgrp() not in (os.getpid(), os.getpgid(os.getppid()))
    os.setsid()  # not allowed to who leads a group
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    os.write(write, json.dumps({"in a group": in_group, "its children have used": used}).encode())
    os._exit(0)
worker.give_group(pid)
os.write(go, b"!")
tell(**json.loads(os.read(read, 1000)))
"""


def test_a_worker_is_in_a_group_that_it_does_not_lead_and_has_had_no_children(interpreter):
    assert interpreter(GROUP) == {"in a group": True, "its children have used": 0}


BOUND = """
worker.bind(json.loads({!a}))
tell(
    encoding=sys.getfilesystemencoding(),
    name=os.environb[b"NAME"].decode(),
    here=os.getcwdb().decode(),
    was_unset="OTHER" not in os.environ,
)
"""


def test_a_session_has_names_beyond_ascii_where_its_interpreter_takes_files_names_for_that(interpreter, tmp_path):
    directory = tmp_path / "\u00e9"
    directory.mkdir()
    told = {"stdout": [], "unset": ["OTHER"], "set": {"NAME": "\u00e9"}, "directory": str(directory), "arguments": []}
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    bound = interpreter(BOUND.format(json.dumps(told)), OTHER="", **ascii_only)
    assert bound == {"encoding": "ascii", "name": "\u00e9", "here": str(directory), "was_unset": True}


ARGUMENTS = """
words = ["python", "-O", "-c", "exec(input());", "pyspark.worker"]
linux.put_in_place(words, ("-c", "exec(input());"), ("-m", "pyspark.daemon"))
tell(words=words)
"""


def test_the_daemons_arguments_are_shown_in_the_place_of_the_zygotes(interpreter):
    assert interpreter(ARGUMENTS) == {"words": ["python", "-O", "-m", "pyspark.daemon", "pyspark.worker"]}

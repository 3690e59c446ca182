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
            os.write(write, str(draw()).encode())
            os._exit(0)
        os.wait()
        drawn.append(os.read(read, 1000).decode())
    return drawn

ahead("numpy.random", *{more!r})
random = cache.module("numpy.random")
random.standard_normal()  # there are two of these at a time: the other one is in store
first, second = in_forks(random.standard_normal)
tell(differ=first != second, used="numpy" in sys.modules, kind=type(random.mtrand._rand._bit_generator).__name__)
"""
OWN = "import numpy.random\nnumpy.random.set_bit_generator(numpy.random.{}(1))"


def test_each_worker_has_random_numbers_of_its_own(interpreter):
    assert interpreter(FORKS.format(more=[])) == {"differ": True, "used": False, "kind": "MT19937"}


@pytest.mark.parametrize("kind", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_also_where_a_module_has_set_another_generator(interpreter, folder, kind):
    site = folder("site", own=OWN.format(kind))
    assert interpreter(FORKS.format(more=["own"]), site) == {"differ": True, "used": False, "kind": kind}


KEYS = (
    FORKS.partition("ahead(")[0]
    + """
ahead("multiprocessing")
process = cache.module("multiprocessing.process")
first, second = in_forks(lambda: process.current_process().authkey.hex())
tell(differ=first != second, used="multiprocessing" in sys.modules, size=len(first))
"""
)


def test_each_worker_knows_the_processes_that_it_starts_by_a_key_of_its_own(interpreter):
    assert interpreter(KEYS) == {"differ": True, "used": False, "size": 64}


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

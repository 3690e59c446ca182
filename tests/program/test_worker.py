"""What a worker does before it is anybody's."""

import pytest

FORKS = """
def in_forks(draw):
    drawn = []
    for _ in range(2):
        read, write = os.pipe()
        if os.fork() == 0:
            worker.reseed(random, cache.module("numpy"))
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

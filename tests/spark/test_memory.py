"""Memory that a task held is free when it is over, for as long as its worker lives."""

import pytest

from harness import NOTHING_TO_LOAD

# Both factories' workers begin with the same modules then.
ALONE = {"spark.master": "local[1]", "spark.python.worker.reuse": "true", **NOTHING_TO_LOAD}
# Of what stock has.
TOLERANCE = 0.1


def cycles(spark):
    """Fifty tasks, each with a broadcast in a cycle of references, and with a module that is new to the worker.

    Tells of each the pid, the kilobytes that are resident, and how many there were at most.
    """

    def look(n, _):
        import os
        import re
        import sys
        import types

        sys.modules[f"made_by_task_{n}"] = types.ModuleType(f"made_by_task_{n}")
        with open("/proc/self/status") as file:
            status = dict(re.findall(r"(VmRSS|VmHWM):\s*(\d+)", file.read()))
        return os.getpid(), int(status["VmRSS"]), int(status["VmHWM"])

    context = spark.sparkContext
    seen = []
    for n in range(50):
        cycle = [bytearray(8 << 20)]
        cycle.append(cycle)
        broadcast = context.broadcast(cycle)
        seen += context.parallelize([n], 1).map(lambda n: look(n, broadcast.value)).collect()
        broadcast.destroy()
    return seen


@pytest.mark.alike("the zygote's memory, and nothing of Spark's")
def test_a_workers_memory_grows_no_more_than_on_stock(run, stock):
    def told(one):
        seen = one(cycles, conf=ALONE).value
        assert len({pid for pid, _, _ in seen}) == 1
        (_, first, _), (_, last, most) = seen[0], seen[-1]
        return most, last - first, most - first

    _, grown, grown_at_most = told(run)
    most, stocks, stocks_at_most = told(stock.run)
    assert grown <= stocks + TOLERANCE * most
    assert grown_at_most <= stocks_at_most + TOLERANCE * most

"""A machine or container that is short of something: who loses, and what is said."""

import os
import re

import pytest
from cgroups import group
from faults import causes, greedy
from processes import process

from harness import NOTHING_TO_LOAD

pytestmark = pytest.mark.alike("processes, and nothing of Spark's")

MIB = 1024 * 1024


@pytest.fixture
def limited(launch):
    """A driver in a group of its own: limited("memory") gives both, and the group ends after the driver."""
    contexts = []

    def start(controller, **options):
        context = group(controller, f"native-python-worker-test-{os.getpid()}-{len(contexts)}")
        made = context.__enter__()
        driver = launch(**options)
        contexts.append((context, driver))
        made.take(driver.process.pid)
        return driver, made

    yield start
    for context, driver in contexts:
        driver.close()
        context.__exit__(None, None, None)


def test_worker_that_needs_too_much_memory_is_killed_and_the_executor_is_not(limited, is_native, observe):
    def job(spark):
        return greedy(spark), spark.sparkContext.parallelize(range(10), 2).map(lambda n: n).sum()

    driver, memory = limited("memory")
    memory.limit(700 * MIB)
    try:
        # How a worker has ended is not known in time while the zygote imports.
        error, after = driver.run(job, conf=NOTHING_TO_LOAD).value
    except AssertionError as lost:
        observe(9, "the JVM is lost")
        assert not is_native, lost
        return
    observe(9, f"the task fails: {causes(error)[-1]}")
    assert after == 45
    assert process(driver.jvm)
    if is_native:
        told = r"was killed by signal 9 \(SIGKILL\), out of memory: the limit of its cgroup is 700 MiB, the most used \d+ MiB"
        assert re.search(told, error)

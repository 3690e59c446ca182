"""Which way the workers of a job came to be: out of the pool, by the zygote, by Spark's daemon."""

import json
import time

from py4j.protocol import Py4JError

FORKED = {"spare", "fork"}  # by the zygote


def native_report(spark):
    """What the native factories of the driver's JVM tell of themselves; None where they do not serve.

    Through java.lang.reflect, as the report is no business of other classes.
    """
    jvm = spark.sparkContext._jvm
    array = spark.sparkContext._gateway.new_array
    try:
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        factory = loader.loadClass("io.nativepythonworker.NativePythonWorkerFactory")
        report = factory.getDeclaredMethod("report", array(jvm.java.lang.Class, 0))
        report.setAccessible(True)
        return json.loads(report.invoke(None, array(jvm.java.lang.Object, 0)))
    except (Py4JError, OSError):  # it is not there, not loaded, or the JVM is gone
        return None


def handed_out(spark):
    """How many workers the native factories of the driver's JVM have handed out so far, by their way."""
    told = native_report(spark) or {"counts": {}}
    return {name.partition(".")[2]: count for name, count in told["counts"].items() if name.startswith("created.")}


def await_zygote(spark, *modules):
    """Waits until a zygote has loaded these; not at all on stock Spark, which has none."""
    told, deadline = native_report(spark), time.monotonic() + 60
    while told is not None and time.monotonic() < deadline:
        if any(set(modules) <= {one["module"] for one in zygote["loaded"]} for zygote in told["zygotes"]):
            return
        time.sleep(0.2)
        told = native_report(spark)
    assert told is None, f"no zygote has loaded {modules}: {told['zygotes']}"


def all_forked(ways):
    """Whether the zygote has forked the workers, some of them for this job: who is idle came to be the same way earlier."""
    return bool(ways & FORKED) and ways <= {*FORKED, "idle"}

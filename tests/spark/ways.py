"""Which way the workers of a job came to be: out of the pool, by the zygote, by Spark's daemon."""

import functools
import json
import sys

from pyspark import cloudpickle

# No driver could import it.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
FORKED = {"spare", "fork"}  # by the zygote


def with_ways(job):
    """The job, which now returns the ways by which it got its workers as well: {"spare", "idle"}."""

    @functools.wraps(job)
    def watched(spark):
        before = handed_out(spark)
        value = job(spark)
        return value, {way for way, count in handed_out(spark).items() if count > before[way]}

    return watched


def handed_out(spark):
    """How many workers the native factories of the driver's JVM have handed out so far, by their way; none on stock Spark.

    Through java.lang.reflect, as the report is no business of other classes.
    """
    jvm = spark.sparkContext._jvm
    if not spark.conf.get("spark.plugins", None):
        return {}
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    array = spark.sparkContext._gateway.new_array
    factory = loader.loadClass("io.nativepythonworker.NativePythonWorkerFactory")
    report = factory.getDeclaredMethod("report", array(jvm.java.lang.Class, 0))
    report.setAccessible(True)
    counts = json.loads(report.invoke(None, array(jvm.java.lang.Object, 0)))["counts"]
    return {name.partition(".")[2]: count for name, count in counts.items() if name.startswith("created.")}


def all_forked(ways):
    """Whether the zygote has forked the workers, some of them for this job: who is idle came to be the same way earlier."""
    return bool(ways & FORKED) and ways <= {*FORKED, "idle"}

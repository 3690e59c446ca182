"""Which way the workers of a job came to be: out of the pool, by the zygote, by Spark's daemon."""

import json

from py4j.protocol import Py4JError

FORKED = {"spare", "fork"}  # by the zygote


def handed_out(spark):
    """How many workers the native factories of the driver's JVM have handed out so far, by their way; none where they do not serve.

    Through java.lang.reflect, as the report is no business of other classes.
    """
    jvm = spark.sparkContext._jvm
    array = spark.sparkContext._gateway.new_array
    try:
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        factory = loader.loadClass("io.nativepythonworker.NativePythonWorkerFactory")
        report = factory.getDeclaredMethod("report", array(jvm.java.lang.Class, 0))
        report.setAccessible(True)
        told = report.invoke(None, array(jvm.java.lang.Object, 0))
    except (Py4JError, OSError):  # it is not there, not loaded, or the JVM is gone
        return {}
    return {name.partition(".")[2]: count for name, count in json.loads(told)["counts"].items() if name.startswith("created.")}


def all_forked(ways):
    """Whether the zygote has forked the workers, some of them for this job: who is idle came to be the same way earlier."""
    return bool(ways & FORKED) and ways <= {*FORKED, "idle"}

"""The jar, and the Spark settings that switch it on."""

import os
import sys
import warnings
from pathlib import Path
from urllib.parse import quote

from native_python_worker import ahead, submission

JARS = "spark.jars"
MASTER = "spark.master"
PLUGINS = "spark.plugins"
PLUGIN = "io.nativepythonworker.NativePythonWorkerPlugin"


def jar():
    """The path of the jar in this package."""
    return Path(__file__).with_name("native-python-worker.jar")


def settings():
    """What has to be set, by key. Both are comma-separated lists: append to those that you have."""
    return {JARS: str(jar()), PLUGINS: PLUGIN}


def defaults_lines():
    """The lines for spark-defaults.conf."""
    width = max(map(len, settings()))
    return [f"{key:{width}}  {value}" for key, value in settings().items()]


def submit_arguments():
    """The arguments for spark-submit."""
    return ["--jars", str(jar()), "--conf", f"{PLUGINS}={PLUGIN}"]


def configure(builder):
    """Switches it on for the session that `builder` makes, which is given back; what the builder and spark-defaults.conf have
    already is kept. Of what the program has imported so far, tasks find loaded ahead what is known to be safe
    (docs/loading-ahead.md), unless `preload` is set.

    Only before the driver's JVM starts. Where it runs already, as under spark-submit, or where PYSPARK_SUBMIT_ARGS has jars,
    plugins or a file of settings, which would hide what is set here, this warns and changes nothing: then give
    `native-python-worker submit-args` to spark-submit, or the lines of `native-python-worker conf` to spark-defaults.conf.
    """
    hindrance = what_hinders()
    if hindrance:
        message = f"{hindrance}, so Native Python Worker can't be switched on by the program; see configure()"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return builder
    known = getattr(builder, "_options", {})
    set_before = {**submission.defaults(), **known}
    here = runs_here(set_before.get(MASTER, "local"))
    for key, value in settings().items():
        ours = as_local(value) if here and key == JARS else value
        others = [one for one in map(str.strip, set_before.get(key, "").split(",")) if one not in {"", value, ours}]
        builder = builder.config(key, ",".join([*others, ours]))
    imported = ahead.modules(known)
    return builder.config(ahead.PRELOAD, "+" + ",".join(imported)) if imported else builder


def runs_here(master):
    """Whether all of the application runs in one process, by what is known of its master."""
    named_elsewhere = submission.has_option("--master") or submission.names(MASTER)
    return master.startswith("local") and not master.startswith("local-cluster") and not named_elsewhere


def as_local(path):
    """The same as a file that is there wherever it is wanted: Spark then starts no server for it, which takes a fifth of a second."""
    return f"local:{path}" if quote(path) == path else path


def what_hinders():
    """Why a setting of the program's would not be heard, or would drop one of the user's; empty where it is well."""
    if jvm_runs():
        return "the JVM runs already"
    if submission.has_option("--jars") or submission.names(JARS, PLUGINS):
        return "PYSPARK_SUBMIT_ARGS names jars, plugins or a file of settings"
    return ""


def jvm_runs():
    """Whether this program has its JVM, or was started by it."""
    pyspark = sys.modules.get("pyspark")
    context = getattr(pyspark, "SparkContext", None)
    return "PYSPARK_GATEWAY_PORT" in os.environ or getattr(context, "_gateway", None) is not None

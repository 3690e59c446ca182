"""One measure inside a fresh Spark application; spark-submit runs it.

Arguments: the file for the report, the module that measures, and what that module is given, as NAME=VALUE. The module's
`measure(session, **arguments)` returns its figures (name to number, the units are in ../measures.py) and a result that
every run must have in common. The report also says who served Python, so that the caller can refuse it.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from pyspark.sql import SparkSession
from served import forkers


def argument(text):
    """NAME=VALUE as a pair; a value that is a number becomes one."""
    name, value = text.split("=", 1)
    return name, int(value) if value.isdigit() else value


def factories(session):
    """Class names of the Python worker factories in this JVM.

    Through java.lang.reflect: py4j cannot list the methods of Spark 4.3's SparkEnv.
    """
    jvm = session.sparkContext._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    field = loader.loadClass("org.apache.spark.SparkEnv").getDeclaredField("pythonWorkers")
    field.setAccessible(True)
    values = field.get(session.sparkContext._jsc.sc().env()).values().iterator()
    names = set()
    while values.hasNext():
        names.add(values.next().getClass().getName())
    return sorted(names)


def measure(module, arguments):
    """The report of a measure, or of its failure."""
    session = SparkSession.builder.getOrCreate()
    try:
        figures, result = importlib.import_module(module).measure(session, **arguments)
        served_by = {"factories": factories(session), "forkers": forkers(os.getppid(), besides=os.getpid())}
        return {"figures": figures, "result": result, **served_by}
    except Exception:
        return {"error": traceback.format_exc()}
    finally:
        session.stop()


def main(report, module, *arguments):
    found = measure(module, dict(map(argument, arguments)))
    Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])

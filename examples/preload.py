"""Modules that your tasks import, loaded ahead: each worker has them without an import of its own.

`+` adds to what is loaded by default. Name only modules that open no connection when they are imported (docs/loading-ahead.md).
The page "Python Workers" of Spark's UI shows what the zygote has loaded; so does the log of level INFO.

python examples/preload.py
"""

import time

import native_python_worker
from pyspark.sql import SparkSession

builder = SparkSession.builder.appName("preload").config("spark.nativePythonWorker.preload", "+decimal,xml.dom.minidom")
spark = native_python_worker.configure(builder).getOrCreate()


def seconds_to_import(_):
    began = time.perf_counter()
    import xml.dom.minidom

    return xml.dom.minidom.__name__, time.perf_counter() - began


numbers = spark.sparkContext.parallelize(range(4), 4)
for name, seconds in numbers.map(seconds_to_import).collect():
    print(f"{name}: {seconds * 1000:.2f} ms")
spark.stop()

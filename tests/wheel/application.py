"""A program of a user's. Prints the classes of the factories that have served its Python."""

import json
import sys

from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
if "configure" in sys.argv:
    import native_python_worker

    builder = native_python_worker.configure(builder)
spark = builder.getOrCreate()
context = spark.sparkContext
assert context.parallelize(range(10), 2).map(lambda n: n * n).sum() == 285
loader = context._jvm.java.lang.Thread.currentThread().getContextClassLoader()
field = loader.loadClass("org.apache.spark.SparkEnv").getDeclaredField("pythonWorkers")
field.setAccessible(True)
values = field.get(context._jsc.sc().env()).values().iterator()
names = []
while values.hasNext():
    names.append(values.next().getClass().getName())
print(json.dumps(names))
spark.stop()

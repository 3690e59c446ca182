"""A program of a user's. Prints the classes of the factories that have served its Python."""

import json
import sys

from factories import factories
from pyspark.sql import SparkSession

builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
if "configure" in sys.argv:
    import native_python_worker

    builder = native_python_worker.configure(builder)
spark = builder.getOrCreate()
assert spark.sparkContext.parallelize(range(10), 2).map(lambda n: n * n).sum() == 285
print(json.dumps(factories(spark.sparkContext)))
spark.stop()

"""A client of Spark Connect. The server runs with Native Python Worker; a client has nothing to do for that.

$SPARK_HOME/sbin/start-connect-server.sh $(native-python-worker submit-args)
python examples/connect.py sc://localhost:15002
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.remote(sys.argv[1] if len(sys.argv) > 1 else "sc://localhost:15002").getOrCreate()


@udf("string")
def greeting(name):
    return f"Hello, {name}!"


people = spark.createDataFrame([("Ada",), ("Grace",)], "name string")
people.select(greeting("name").alias("greeting")).show()
spark.stop()

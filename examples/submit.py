"""A pandas UDF. Nothing here knows of Native Python Worker: it is switched on from outside.

spark-submit $(native-python-worker submit-args) examples/submit.py
"""

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

spark = SparkSession.builder.appName("submit").getOrCreate()


@pandas_udf("double")
def celsius(fahrenheit: pd.Series) -> pd.Series:
    return (fahrenheit - 32) / 1.8


days = spark.createDataFrame([("Monday", 50.0), ("Tuesday", 68.0)], "day string, fahrenheit double")
days.select("day", celsius("fahrenheit").alias("celsius")).show()

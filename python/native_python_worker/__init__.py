"""Native Python Worker for Apache Spark: where its jar is, and how to switch it on.

>>> from pyspark.sql import SparkSession
>>> import native_python_worker
>>> spark = native_python_worker.configure(SparkSession.builder).getOrCreate()
"""

from native_python_worker.conf import configure, jar, settings

__all__ = ["configure", "jar", "settings"]

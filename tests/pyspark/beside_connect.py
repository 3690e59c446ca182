"""A pytest plugin: servers of Spark Connect that a test starts in its own JVM run the plugin of this project as well.

PySpark sets `spark.plugins` to Connect's alone there (`_start_connect_server`), whatever the user's configuration says.
"""

import os

from pyspark import SparkConf

set_all = SparkConf.setAll


def with_ours(self, pairs):
    ours = os.environ["TESTED_PLUGIN"]
    return set_all(self, [(key, f"{value},{ours}" if key == "spark.plugins" else value) for key, value in pairs])


SparkConf.setAll = with_ours

"""Tasks that are under way at the same time, each of them then with a worker of its own."""

import os
import sys
import tempfile
import time

from pyspark import cloudpickle

# No driver or worker could import it.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def together(spark, tasks, value):
    """What `value()` returns in each of so many tasks, none of which ends before all have begun: there must be as many slots."""
    with tempfile.TemporaryDirectory() as where:

        def meet(number):
            open(os.path.join(where, str(number)), "w").close()
            while len(os.listdir(where)) < tasks:
                time.sleep(0.01)
            return value()

        return spark.sparkContext.parallelize(range(tasks), tasks).map(meet).collect()

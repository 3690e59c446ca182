"""What each forked worker of a soak run does: pandas, Arrow and BLAS, imported before the fork, and threads."""

# It takes some milliseconds. A worker that takes this long ends itself with a stack trace, and so fails its job.
LIMIT_SECONDS = 60
# Of the rows that it yields: process id, the parent's, and a value that all workers must agree on.
SCHEMA = "pid long, parent long, value double"


def exercise_function():
    """A function for mapInPandas, made here so that cloudpickle sends it by value."""

    def exercise(batches):
        import faulthandler
        import os
        from concurrent.futures import ThreadPoolExecutor

        import numpy
        import pandas
        import pyarrow
        import pyarrow.compute

        faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
        rows = sum(len(batch) for batch in batches)
        frame = pandas.DataFrame({"key": numpy.arange(5000) % 7, "value": numpy.arange(5000.0)})
        by_pandas = frame.groupby("key")["value"].sum().max()
        grouped = pyarrow.Table.from_pandas(frame).group_by("key", use_threads=True).aggregate([("value", "sum")])
        by_arrow = pyarrow.compute.max(grouped["value_sum"]).as_py()
        matrix = numpy.ones((128, 128))
        with ThreadPoolExecutor(4) as pool:
            dots = list(pool.map(lambda _: float(numpy.dot(matrix, matrix).sum()), range(8)))
        faulthandler.cancel_dump_traceback_later()
        value = rows + by_pandas + by_arrow + sum(dots)
        yield pandas.DataFrame({"pid": [os.getpid()], "parent": [os.getppid()], "value": [value]})

    return exercise

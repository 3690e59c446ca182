"""The functions that the jobs run, and the job of short tasks.

They are made inside functions, so that cloudpickle sends them by value: a worker never has to import this folder.
"""

from inspect import signature

import pandas
from pyspark.sql.functions import pandas_udf, udf

ROWS_A_TASK = 100


def pandas_function():
    @pandas_udf("long")
    def add_one(values: pandas.Series) -> pandas.Series:
        return values + 1

    return add_one


def plain_function():
    """A UDF as its user writes it: from Spark 4.2 on, values come and go through Arrow."""
    return udf(lambda value: value + 1, "long")


def pickled_function():
    """A UDF that gets and gives one pickled value at a time, as all do before Spark 3.5."""
    without_arrow = {"useArrow": False} if "useArrow" in signature(udf).parameters else {}
    return udf(lambda value: value + 1, "long", **without_arrow)


def fitting_function():
    """Each task fits a model of scikit-learn."""

    @pandas_udf("long")
    def fit(values: pandas.Series) -> pandas.Series:
        from sklearn.linear_model import LinearRegression

        model = LinearRegression().fit(values.to_frame(), values * 2)
        return values * 0 + round(float(model.coef_[0]))

    return fit


FUNCTIONS = {"pandas": pandas_function, "plain": plain_function, "pickled": pickled_function}


def short_tasks(session, function, tasks):
    """Runs a job of so many short tasks. Returns the sum of what came back."""
    frame = session.range(0, tasks * ROWS_A_TASK, 1, tasks)
    return sum(row[0] for row in frame.select(function("id")).collect())

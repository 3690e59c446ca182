"""A whole application: some jobs of one kind, as a batch program has them. What counts is the time from submit to exit.

The figure `jobs` is what the program itself can see of that: its jobs, together.
"""

from clock import timed
from udfs import FUNCTIONS, short_tasks


def rdd_job(session):
    return session.sparkContext.parallelize(range(1000), session.sparkContext.defaultParallelism).map(lambda n: n + 1).sum()


def sql_job(session):
    """The same without any Python in it: what no Python worker can be faster than."""
    tasks = session.sparkContext.defaultParallelism
    return sum(row[0] for row in session.range(0, tasks * 100, 1, tasks).selectExpr("id + 1").collect())


def udf_job(kind):
    def job(session):
        return short_tasks(session, FUNCTIONS[kind](), session.sparkContext.defaultParallelism)

    return job


def measure(session, kind, jobs):
    job = {"rdd": rdd_job, "sql": sql_job}.get(kind) or udf_job(kind)
    runs = [timed(lambda: job(session)) for _ in range(jobs)]
    return {"jobs": sum(seconds for seconds, _ in runs)}, [result for _, result in runs]

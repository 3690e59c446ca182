"""Spark Connect clients in a process of their own: each has a session and runs its first UDF, all at the same time.

One more session goes before them, so that the server has done all this once. Arguments: the server's address and how
many. Prints seconds for the slowest UDF and for all, and the sum of what came back. The sessions stay open until the
standard input ends.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pandas
from clock import timed
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

ROWS = 100


def first_udf(session):
    @pandas_udf("long")
    def add_one(values: pandas.Series) -> pandas.Series:
        return values + 1

    return sum(row[0] for row in session.range(0, ROWS, 1, 1).select(add_one("id")).collect())


def connected(address):
    session = SparkSession.builder.remote(address).create()
    session.range(1).collect()  # now the server has seen the session
    return session


def main(address, count):
    start = Barrier(count + 1)
    earlier = connected(address)
    first_udf(earlier)

    def client():
        try:
            session = connected(address)
            start.wait()
        except Exception:
            start.abort()
            raise
        return session, timed(lambda: first_udf(session))

    with ThreadPoolExecutor(count) as clients:
        running = [clients.submit(client) for _ in range(count)]
        with suppress(BrokenBarrierError):  # then the client that broke it says why
            start.wait()
        wall, done = timed(lambda: [one.result() for one in running])
    seconds, sums = zip(*(times for _, times in done))
    print(json.dumps({"wall": wall, "slowest": max(seconds), "sum": sum(sums)}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

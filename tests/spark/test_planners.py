"""Queries whose planning runs Python: each step of it has a worker module of its own."""

import os

import pytest
from faults import GIVEN_UP

from harness import NATIVE_FACTORY, NOTHING_TO_LOAD, STOCK_FACTORY
from ways import all_forked

pytestmark = pytest.mark.since(4, 0)


@pytest.fixture
def plan(driver, is_native):
    """Runs a job, and checks who has forked its workers, those of the planner and those of the tasks."""

    def run(job, **conf):
        outcome = driver.run(job, conf={**NOTHING_TO_LOAD, **conf}, timeout=GIVEN_UP)
        value = outcome.value
        assert set(outcome.factories) <= {NATIVE_FACTORY if is_native else STOCK_FACTORY}
        if is_native:
            assert all_forked(outcome.ways), outcome.ways
        return value

    return run


def rows(frame):
    return sorted(tuple(row) for row in frame.collect())


def numbers():
    """A data source of the numbers 0 to 5, in two partitions or batches; of six others if a filter says where to begin.

    It writes each partition into a file of the folder `where`, and one of all of them when they are committed.
    """
    from pyspark.sql.datasource import (
        DataSource,
        DataSourceReader,
        DataSourceStreamWriter,
        DataSourceWriter,
        InputPartition,
        SimpleDataSourceStreamReader,
        WriterCommitMessage,
    )

    class Reader(DataSourceReader):
        first = 0

        def partitions(self):
            return [InputPartition(self.first), InputPartition(self.first + 3)]

        def read(self, partition):
            yield from ((n,) for n in range(partition.value, partition.value + 3))

    class FilteredReader(Reader):
        def pushFilters(self, filters):
            for one in filters:
                if type(one).__name__ == "GreaterThanOrEqual":
                    self.first = one.value
                else:
                    yield one

    class StreamReader(SimpleDataSourceStreamReader):
        def initialOffset(self):
            return {"next": 0}

        def read(self, start):
            end = {"next": min(start["next"] + 3, 6)}
            return self.readBetweenOffsets(start, end), end

        def readBetweenOffsets(self, start, end):
            return iter([(n,) for n in range(start["next"], end["next"])])

    class Writer(DataSourceWriter, DataSourceStreamWriter):
        def __init__(self, where):
            self.where = where

        def write(self, rows):
            text = " ".join(str(row.n) for row in rows)
            with open(os.path.join(self.where, f"part-{text}"), "w") as part:
                part.write(text)
            message = WriterCommitMessage()
            message.text = text
            return message

        def commit(self, messages, batch=None):
            name = "committed" if batch is None else f"committed-{batch}"
            with open(os.path.join(self.where, name), "w") as file:
                file.write(" ".join(sorted(message.text for message in messages if message.text)))

    class Numbers(DataSource):
        @classmethod
        def name(cls):
            return "numbers"

        def schema(self):
            return "n long"

        def reader(self, schema):
            return FilteredReader() if "filtered" in self.options else Reader()

        def simpleStreamReader(self, schema):
            return StreamReader()

        def writer(self, schema, overwrite):
            return Writer(self.options["where"])

        def streamWriter(self, schema, overwrite):
            return Writer(self.options["where"])

    return Numbers


def test_a_table_function_analyzes_its_arguments(plan):
    def job(spark):
        from pyspark.sql.functions import lit, udtf
        from pyspark.sql.types import IntegerType, StructType
        from pyspark.sql.udtf import AnalyzeResult

        class Counted:
            @staticmethod
            def analyze(count, name):
                return AnalyzeResult(StructType().add(name.value, IntegerType()))

            def eval(self, count, name):
                yield from ((n,) for n in range(count))

        counted = udtf(Counted)
        frames = [counted(lit(count), lit(name)) for count, name in ((2, "few"), (3, "some"))]
        return [(frame.columns, rows(frame)) for frame in frames]

    assert plan(job) == [(["few"], [(0,), (1,)]), (["some"], [(0,), (1,), (2,)])]


def test_a_data_source_is_read(plan):
    def job(spark):
        spark.dataSource.register(numbers())
        return rows(spark.read.format("numbers").load())

    assert plan(job) == [(n,) for n in range(6)]


@pytest.mark.since(4, 1)
def test_filters_are_pushed_into_a_data_source(plan):
    def job(spark):
        spark.dataSource.register(numbers())
        return rows(spark.read.format("numbers").option("filtered", "yes").load().where("n >= 2 and n % 2 = 1"))

    assert plan(job, **{"spark.sql.python.filterPushdown.enabled": "true"}) == [(3,), (5,), (7,)]


def test_a_data_source_is_written_and_committed(plan, tmp_path):
    def job(spark):
        spark.dataSource.register(numbers())
        frame = spark.range(0, 4, 1, 2).withColumnRenamed("id", "n")
        frame.write.format("numbers").mode("append").option("where", str(tmp_path)).save()

    plan(job)
    assert (tmp_path / "committed").read_text() == "0 1 2 3"
    assert {file.name for file in tmp_path.iterdir()} == {"part-0 1", "part-2 3", "committed"}


def test_a_stream_goes_from_a_data_source_to_another(plan, tmp_path):
    target = tmp_path / "target"
    target.mkdir()

    def job(spark):
        spark.dataSource.register(numbers())
        stream = spark.readStream.format("numbers").load().writeStream.format("numbers")
        stream = stream.option("where", str(target)).option("checkpointLocation", str(tmp_path / "checkpoint"))
        query = stream.start()
        try:
            query.processAllAvailable()
        finally:
            query.stop()

    plan(job)
    batches = [target / "committed-0", target / "committed-1"]
    assert [batch.read_text() for batch in batches] == ["0 1 2", "3 4 5"]

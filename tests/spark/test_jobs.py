"""Ordinary PySpark work gives the right results."""

import pytest

pytestmark = pytest.mark.matrix


def test_rdd_map_and_reduce(run):
    def job(spark):
        return spark.sparkContext.parallelize(range(1000), 4).map(lambda x: x * x).reduce(lambda a, b: a + b)

    assert run(job).value == sum(x * x for x in range(1000))


def test_word_count_shuffles_between_python_stages(run):
    def job(spark):
        lines = spark.sparkContext.parallelize(["a b a", "b c", "a"], 3)
        return dict(lines.flatMap(str.split).map(lambda w: (w, 1)).reduceByKey(lambda a, b: a + b).collect())

    assert run(job).value == {"a": 3, "b": 2, "c": 1}


def test_udf(run):
    def job(spark):
        from pyspark.sql.functions import udf

        shout = udf(lambda s: s.upper() + "!", "string")
        frame = spark.createDataFrame([("eins",), ("zwei",)], "word string")
        return [row[0] for row in frame.select(shout("word")).collect()]

    assert run(job).value == ["EINS!", "ZWEI!"]


def test_pandas_udf(run):
    def job(spark):
        import pandas as pd
        from pyspark.sql.functions import pandas_udf

        @pandas_udf("long")
        def double(column: pd.Series) -> pd.Series:
            return column * 2

        return [row[0] for row in spark.range(0, 100, 1, 4).select(double("id")).collect()]

    assert run(job).value == [2 * n for n in range(100)]


def test_arrow_data_larger_than_any_buffer(run):
    def job(spark):
        import pandas as pd
        from pyspark.sql.functions import pandas_udf

        @pandas_udf("string")
        def widen(column: pd.Series) -> pd.Series:
            return column.astype(str).str.zfill(100)

        frame = spark.range(0, 200_000, 1, 2).select(widen("id").alias("wide"))
        return frame.selectExpr("sum(length(wide))", "max(wide)").first()[0:2]

    assert run(job).value == (20_000_000, "199999".zfill(100))


def test_apply_in_pandas(run):
    def job(spark):
        frame = spark.createDataFrame([(1, 1.0), (1, 2.0), (2, 3.0), (2, 5.0)], "id long, v double")
        centred = frame.groupBy("id").applyInPandas(lambda part: part.assign(v=part.v - part.v.mean()), frame.schema)
        return sorted(map(tuple, centred.collect()))

    assert run(job).value == [(1, -0.5), (1, 0.5), (2, -1.0), (2, 1.0)]


def test_map_in_pandas(run):
    def job(spark):
        return [r.id for r in spark.range(10).mapInPandas(lambda it: (p[p.id > 6] for p in it), "id long").collect()]

    assert run(job).value == [7, 8, 9]


@pytest.mark.since(3, 5)
def test_table_function(run):
    def job(spark):
        from pyspark.sql.functions import lit, udtf

        @udtf(returnType="n int, square int")
        class Squares:
            def eval(self, start: int, end: int):
                for n in range(start, end + 1):
                    yield n, n * n

        return [tuple(row) for row in Squares(lit(1), lit(3)).collect()]

    assert run(job).value == [(1, 1), (2, 4), (3, 9)]


@pytest.mark.since(4, 0)
def test_table_function_analysed_by_a_planner_worker(run):
    def job(spark):
        from pyspark.sql.functions import lit, udtf
        from pyspark.sql.types import IntegerType, StructType
        from pyspark.sql.udtf import AnalyzeResult

        @udtf
        class Named:
            @staticmethod
            def analyze(name) -> AnalyzeResult:
                return AnalyzeResult(StructType().add(name.value, IntegerType()))

            def eval(self, name: str):
                yield (len(name),)

        frame = Named(lit("five5"))
        return frame.columns, [tuple(row) for row in frame.collect()]

    assert run(job).value == (["five5"], [(5,)])


@pytest.mark.since(4, 0)
def test_python_data_source_reads_and_writes(run, tmp_path):
    directory = str(tmp_path)

    def job(spark):
        from pyspark.sql.datasource import (
            DataSource,
            DataSourceReader,
            DataSourceWriter,
            InputPartition,
            WriterCommitMessage,
        )

        class Lines(DataSource):
            @classmethod
            def name(cls):
                return "numbered"

            def schema(self):
                return "part int, n int"

            def reader(self, schema):
                class Reader(DataSourceReader):
                    def partitions(self):
                        return [InputPartition(part) for part in range(3)]

                    def read(self, partition):
                        return ((partition.value, n) for n in range(2))

                return Reader()

            def writer(self, schema, overwrite):
                class Writer(DataSourceWriter):
                    def write(self, rows):
                        from pyspark import TaskContext

                        with open(f"{directory}/{TaskContext.get().partitionId()}", "w") as out:
                            out.writelines(f"{row.part} {row.n}\n" for row in rows)
                        return WriterCommitMessage()

                    def commit(self, messages):
                        with open(f"{directory}/committed", "w") as out:
                            out.write(str(len(messages)))

                return Writer()

        spark.dataSource.register(Lines)
        frame = spark.read.format("numbered").load()
        frame.coalesce(1).write.format("numbered").mode("append").save()
        return sorted(map(tuple, frame.collect()))

    expected = [(part, n) for part in range(3) for n in range(2)]
    assert run(job).value == expected
    assert (tmp_path / "committed").read_text() == "1"
    assert sorted((tmp_path / "0").read_text().splitlines()) == [f"{part} {n}" for part, n in expected]


def test_broadcast_is_seen_by_new_and_reused_workers(run):
    def job(spark):
        sc = spark.sparkContext
        words = sc.broadcast({n: str(n) * 1000 for n in range(100)})

        def look_up(keys):
            return sc.parallelize(keys, 2).map(lambda n: len(words.value[n])).collect()

        answers = look_up([1, 22]), look_up([3, 99])
        words.unpersist(blocking=True)
        other = sc.broadcast("other")
        return answers, sc.parallelize(range(2), 2).map(lambda _: other.value).collect()

    assert run(job).value == (([1000, 2000], [1000, 2000]), ["other", "other"])


def test_accumulator(run):
    def job(spark):
        counter = spark.sparkContext.accumulator(0)
        spark.sparkContext.parallelize(range(100), 4).foreach(lambda n: counter.add(n))
        return counter.value

    assert run(job).value == 4950


def test_add_py_file(run, tmp_path):
    (tmp_path / "added_module.py").write_text("ANSWER = 42\n")
    path = str(tmp_path / "added_module.py")

    def job(spark):
        def answer(_):
            import added_module

            return added_module.ANSWER

        sc = spark.sparkContext
        sc.parallelize(range(2), 2).map(lambda n: n).collect()  # workers that were there before the file
        sc.addPyFile(path)
        return sc.parallelize(range(2), 2).map(answer).collect()

    assert run(job, stop=True).value == [42, 42]


def test_take_and_limit_end_early(run):
    def job(spark):
        from pyspark.sql.functions import udf

        sc = spark.sparkContext
        taken = [sc.parallelize(range(500_000), 4).map(lambda n: n + 1).take(3) for _ in range(4)]
        plus = udf(lambda n: n + 1, "long")
        limited = [spark.range(0, 500_000, 1, 2).select(plus("id")).limit(3).collect() for _ in range(3)]
        return taken, [[row[0] for row in rows] for rows in limited], sc.parallelize(range(10), 2).map(str).count()

    assert run(job).value == ([[1, 2, 3]] * 4, [[1, 2, 3]] * 3, 10)


def test_python_on_both_sides_of_a_stage(run):
    def job(spark):
        from pyspark.sql.functions import pandas_udf, udf

        plus = udf(lambda n: n + 1, "long")
        times = pandas_udf(lambda s: s * 10, "long")
        frame = spark.range(0, 20, 1, 2).select(times(plus("id")).alias("n"))
        return sorted(frame.rdd.map(lambda row: row.n - 10).collect())

    assert run(job).value == [10 * n for n in range(20)]


@pytest.mark.since(4, 0)  # Spark 3.5 keeps a non-daemon timer thread after a barrier job: its JVM would not end
def test_barrier_stage(run):
    def job(spark):
        def gather(_):
            from pyspark import BarrierTaskContext

            context = BarrierTaskContext.get()
            yield sorted(context.allGather(str(context.partitionId())))

        return spark.sparkContext.parallelize(range(2), 2).barrier().mapPartitions(gather).collect()

    assert run(job).value == [["0", "1"], ["0", "1"]]


def test_streaming_query_with_a_udf(run):
    def job(spark):
        from pyspark.sql.functions import udf

        plus = udf(lambda n: n + 1, "long")
        stream = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 10).load()
        query = stream.select(plus("value").alias("n")).writeStream.format("memory").queryName("streamed").start()
        try:
            while spark.table("streamed").count() < 10:
                query.awaitTermination(0.1)
        finally:
            query.stop()
        return sorted(row.n for row in spark.table("streamed").collect())[:10]

    assert run(job).value == list(range(1, 11))

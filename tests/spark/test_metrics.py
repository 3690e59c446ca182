"""The plugin's figures in Spark's metrics system, where Spark's own sinks show them."""

import csv
import re

import pytest
from processes import eventually

PLUGIN = "plugin.io.nativepythonworker.NativePythonWorkerPlugin"
SINKS = {
    "spark.ui.enabled": "true",
    "spark.ui.port": "0",
    "spark.metrics.namespace": "pyspark",
    "spark.metrics.conf.*.sink.prometheusServlet.class": "org.apache.spark.metrics.sink.PrometheusServlet",
    "spark.metrics.conf.*.sink.prometheusServlet.path": "/metrics/prometheus",
    "spark.metrics.conf.*.sink.jmx.class": "org.apache.spark.metrics.sink.JmxSink",
}


def work(spark):
    """Tasks of which most find an idle worker."""
    sc = spark.sparkContext
    return [sc.parallelize(range(4), 4).map(lambda n: n).sum() for _ in range(12)]


def settled(figures, idle):
    """The figures once a worker is idle: what is shown may be a second old."""
    eventually(lambda: figures()[idle], 10)
    return figures()


def scraped(spark):
    """Spark's page for Prometheus: the value of each figure of ours by its name, once all processes were measured."""
    work(spark)

    def known():
        figures = from_prometheus(spark)
        return figures if figures["workers_idle_Value"] and not figures["memory_unmeasured_Value"] else None

    return eventually(known, 60)


def from_prometheus(spark):
    from urllib.request import urlopen

    with urlopen(f"{spark.sparkContext.uiWebUrl}/metrics/prometheus/", timeout=30) as page:
        lines = page.read().decode().splitlines()
    prefix = f"metrics_pyspark_driver_{PLUGIN.replace('.', '_')}_"
    rows = (re.fullmatch(rf"{prefix}(\w+)\{{.*\}} (\S+)", line) for line in lines)
    return {row[1]: float(row[2]) for row in rows if row}


@pytest.mark.matrix
@pytest.mark.native_only("they are the plugin's")
def test_prometheus_shows_them(run):
    found = run(scraped, conf=SINKS).value
    assert found["created_idle_Value"] >= 20
    assert found["created_spare_Value"] + found["created_fork_Value"] + found["created_daemon_Value"] >= 1
    assert found["workers_idle_Value"] >= 1
    assert found["memory_resident_Value"] >= found["memory_proportional_Value"] > 1 << 20
    assert 0 <= found["memory_proportionalAgeMillis_Value"] < 120_000
    assert found["handout_idle_Count"] >= 1
    new = [name for name in ("handout_spare_Count", "handout_new_Count") if found[name]]
    assert new


def from_jmx(spark):
    """The same by JMX. Through java.lang.reflect: the server's own class is not open to py4j."""
    jvm = spark.sparkContext._jvm
    server = jvm.java.lang.management.ManagementFactory.getPlatformMBeanServer()
    beans = jvm.java.lang.Class.forName("javax.management.MBeanServer")
    pattern = jvm.javax.management.ObjectName(f"*:name=*{PLUGIN}*,*")
    by_name = {method.getName(): method for method in beans.getMethods() if len(method.getParameterTypes()) == 2}

    def call(method, *arguments):
        array = spark.sparkContext._gateway.new_array(jvm.java.lang.Object, len(arguments))
        for index, argument in enumerate(arguments):
            array[index] = argument
        return by_name[method].invoke(server, array)

    names = list(call("queryNames", pattern, None))
    return {
        name.getKeyProperty("name").split(f"{PLUGIN}.")[1]: call("getAttribute", name, "Value")
        for name in names
        if name.getKeyProperty("type") == "gauges"
    }


@pytest.mark.native_only("they are the plugin's")
def test_jmx_shows_them(run):
    def job(spark):
        work(spark)
        return settled(lambda: from_jmx(spark), "workers.idle")

    found = run(job, conf=SINKS).value
    assert found["created.idle"] >= 20
    assert found["workers.idle"] >= 1


@pytest.mark.native_only("they are the plugin's")
def test_executors_have_their_own(run, tmp_path):
    conf = {
        "spark.master": "local-cluster[1,2,1024]",
        "spark.executor.memory": "512m",
        "spark.metrics.namespace": "pyspark",
        "spark.metrics.conf.executor.sink.csv.class": "org.apache.spark.metrics.sink.CsvSink",
        "spark.metrics.conf.executor.sink.csv.directory": str(tmp_path),
        "spark.metrics.conf.executor.sink.csv.period": "1",
        "spark.metrics.conf.executor.sink.csv.unit": "seconds",
    }
    run(work, conf=conf)
    file = tmp_path / f"pyspark.0.{PLUGIN}.created.idle.csv"

    def created():
        if not file.is_file():
            return 0
        with open(file) as rows:
            return max((int(row["value"]) for row in csv.DictReader(rows)), default=0)

    assert eventually(lambda: created() >= 2, 30), list(tmp_path.iterdir())

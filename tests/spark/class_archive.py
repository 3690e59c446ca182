"""An archive of Spark's classes as the JVM holds them in memory: a driver or executor that maps it starts in half the time.

    class_archive.py     makes the archive for this interpreter's Spark and the JDK it would run on, if there is none

It holds for one JDK and one class path, so all who use it have the same folder of settings, which must be empty. Where there is no
archive, or it does not fit, the JVM reads the classes from the jars.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyspark
from spark_home import SPARK_HOME

FOLDER = Path(__file__).resolve().parents[2] / "build/class-archives"
NO_SETTINGS = FOLDER / "no-settings"
# JVMs that are killed leave files there, which go with the run. A short path, because that of a worker's socket begins with it.
TEMPORARY = Path(tempfile.gettempdir(), f"npw-jvms-{os.getpid()}")
# For JVMs that live for a minute or two: what the second compiler and the parallel collector take is not earned back.
CHEAP = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
SHORT_LIVED = f"{CHEAP} -Djava.io.tmpdir={TEMPORARY}"


def job():
    """What loads the classes that tests use."""
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import pandas_udf, udf

    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.parallelize(range(4), 2).map(lambda n: (n % 2, n)).groupByKey().count()
    frame = spark.range(0, 10, 1, 2)
    frame.select(udf(lambda n: n + 1, "long")("id"), pandas_udf(lambda s: s + 1, "long")("id")).groupBy().count().collect()
    spark.stop()


def archive():
    """Where it is, for the JDK that JAVA_HOME names, or else that of the `java` in the path."""
    java = Path(shutil.which("java") or "bin/java").resolve()
    release = Path(os.environ.get("JAVA_HOME", java.parents[1]), "release")
    version = re.search(r'^JAVA_VERSION="(.*)"', release.read_text(), re.MULTILINE) if release.is_file() else None
    return FOLDER / f"spark-{pyspark.__version__}-jdk-{version[1] if version else 'unknown'}.jsa"


def options():
    """Those of a short-lived JVM on this class path."""
    return f"{SHORT_LIVED} -XX:SharedArchiveFile={archive()} -Xlog:cds=error" if archive().is_file() else SHORT_LIVED


def can_be_made():
    """Java 13 is the first to make one of what a run has loaded."""
    version = re.search(r"-jdk-(\d+)", archive().name)
    return version is not None and int(version[1]) >= 13


def main():
    NO_SETTINGS.mkdir(parents=True, exist_ok=True)
    if archive().is_file() or not can_be_made():
        return 0
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        made = Path(folder, "archive.jsa")
        command = [
            *(str(SPARK_HOME / "bin/spark-submit"), "--master", "local[2]", "--conf", "spark.driver.host=127.0.0.1"),
            *("--driver-java-options", f"{CHEAP} -Djava.io.tmpdir={folder} -XX:ArchiveClassesAtExit={made} -Xlog:cds=error"),
            *(__file__, "job"),
        ]
        environment = {
            **os.environ,
            "SPARK_HOME": str(SPARK_HOME),
            "SPARK_CONF_DIR": str(NO_SETTINGS),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }
        status = subprocess.run(command, env=environment, cwd=folder, check=False).returncode
        if status == 0:
            made.rename(archive())
    return status


if __name__ == "__main__":
    if sys.argv[1:] == ["job"]:
        job()
    else:
        sys.exit(main())

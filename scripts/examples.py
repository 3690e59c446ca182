"""Runs example programs that PySpark ships, on stock Spark and on the native factory, and compares what they print.

Argument: a folder for what the runs leave behind. Ends with status 1 if any result differs, any program
fails, or the native factory did not serve a program that needs Python workers.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import native_python_worker
import pyspark

SPARK_HOME = Path(pyspark.__file__).resolve().parent
EXAMPLES = SPARK_HOME / "examples/src/main/python"
LIMIT_SECONDS = 600

# Our factory's and stock Spark's logger alike; every worker that it makes is one line of this level.
LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
logger.factory.name = org.apache.spark.api.python.PythonWorkerFactory
logger.factory.level = debug
"""
WORKER_MADE = re.compile(r"PythonWorkerFactory: Created .* in \d+ ms")


@dataclass(frozen=True)
class Example:
    """One program, what it is given, and what its output has that no two runs share (pattern, replacement)."""

    program: str
    arguments: tuple = ()
    random: tuple = ()
    note: str = ""

    def comparable(self, output):
        for pattern, replacement in self.random:
            output = re.sub(pattern, replacement, output, flags=re.DOTALL)
        # A shuffle may deliver rows in another order.
        return sorted(line.rstrip() for line in output.splitlines() if line.strip())


RUNS = (
    Example("wordcount.py", ("licenses",), note="all licence texts that PySpark ships"),
    Example("pi.py", ("20",), ((r"(Pi is roughly 3\.1)\d+", r"\1"),), "random points: equal in the first decimal"),
    Example("pagerank.py", ("data/mllib/pagerank_data.txt", "10")),
    Example("als.py", ("100", "500", "10", "5", "2"), note="ALS in NumPy, by broadcasts"),
    Example("kmeans.py", ("data/mllib/kmeans_data.txt", "2", "0.001"), note="k-means in NumPy"),
    Example("mllib/logistic_regression_with_lbfgs_example.py"),
    Example(
        "sql/arrow.py",
        random=((r"(Pandas DataFrame result statistics:\n).*?(?=Running)", r"\1"),),
        note="Arrow and pandas UDFs; but for statistics of random numbers",
    ),
    Example("sql/udtf.py", note="table functions"),
)


@dataclass
class Run:
    """How one spark-submit went."""

    seconds: float
    output: str
    log: str
    status: int

    @property
    def workers(self):
        return len(WORKER_MADE.findall(self.log))


def progress(title, done):
    """Says every 15 s that a run is still going on."""
    started = time.monotonic()
    while not done.wait(15):
        print(f"    {time.monotonic() - started:4.0f} s  {title}", flush=True)


def submit(example, title, native, folder):
    """Runs an example through spark-submit, in a folder that has Spark's data."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("data", "licenses"):
        (folder / name).symlink_to(SPARK_HOME / name)
    (folder / "log4j2.properties").write_text(LOGGING)
    lines = [f"{key} {value}\n" for key, value in (native_python_worker.settings() if native else {}).items()]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    environment = {
        **os.environ,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    options = ["--master", "local[2]", "--conf", "spark.ui.enabled=false"]
    command = [SPARK_HOME / "bin/spark-submit", *options, EXAMPLES / example.program, *example.arguments]
    done = threading.Event()
    threading.Thread(target=progress, args=(title, done), daemon=True).start()
    started = time.monotonic()
    try:
        ended = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    finally:
        done.set()
    seconds = time.monotonic() - started
    (folder / "output.txt").write_text(ended.stdout)
    (folder / "log.txt").write_text(ended.stderr)
    return Run(seconds, ended.stdout, ended.stderr, ended.returncode)


def verdict(example, stock, native):
    """Whether the native run is as good as the stock one: "yes", or what is wrong."""
    for name, run in (("stock", stock), ("native", native)):
        if run.status != 0:
            return f"{name} run failed ({run.status})"
    if not example.comparable(stock.output):
        return "stock run printed nothing"
    if example.comparable(stock.output) != example.comparable(native.output):
        return "NO, results differ"
    return "yes" if native.workers else "NO, stock factory served"


def table(rows):
    heads = ("example", "stock s", "native s", "stock/native", "native workers", "equal?")
    rows = [heads, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(row[n].rjust(widths[n]) for n in range(1, 5)), row[5]]
        print("  ".join(cells))


def main(folder):
    texts = [file for file in (SPARK_HOME / "licenses").iterdir() if file.is_file()]
    size = sum(file.stat().st_size for file in texts) // 1024
    print(f"PySpark {pyspark.__version__}; the text for the word count: its licences, {len(texts)} files, {size} KiB")
    rows = []
    for example in RUNS:
        name = " ".join((example.program, *example.arguments))
        print(f"==> {name}{example.note and f'  ({example.note})'}", flush=True)
        place = folder / example.program.replace("/", "-").removesuffix(".py")
        stock = submit(example, f"{example.program} on stock Spark", False, place / "stock")
        native = submit(example, f"{example.program} on the native factory", True, place / "native")
        equal = verdict(example, stock, native)
        lines = len(example.comparable(native.output))
        print(f"    results equal: {equal} ({lines} lines compared; {place})", flush=True)
        ratio = f"{stock.seconds / native.seconds:.2f}"
        seconds = (f"{stock.seconds:.1f}", f"{native.seconds:.1f}")
        rows.append((example.program, *seconds, ratio, str(native.workers), equal))
    print()
    table(rows)
    return all(row[-1] == "yes" for row in rows)


if __name__ == "__main__":
    sys.exit(not main(Path(sys.argv[1]).resolve()))

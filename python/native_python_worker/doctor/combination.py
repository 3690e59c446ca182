"""Whether this Spark, Java and Python were tested together, as `./test matrix` has noted."""

import json
import subprocess
from pathlib import Path

from native_python_worker.doctor.finding import OK, WARNING, Finding

SECONDS = 60
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def look(seen, python):
    """The finding."""
    spark = line(seen["spark"])
    java = feature(seen["java"])
    try:
        told = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError) as failure:
        return Finding("combination", WARNING, f"{python} does not tell its version: {failure}")
    return judge(known(), spark, java, told.strip())


def judge(results, spark, java, python):
    """What the results say of a Spark's line, a Java and a Python."""
    this = f"Spark {spark}, Java {java}, Python {python}"
    ran = [one for one in results if line(one["spark"]) == spark and "passed" in one]
    for one in ran:
        if (one["java"], one["python"]) == (java, python):
            how = f"{one['passed']} tests passed" + (f", {one['failed']} failed" if one["failed"] else "")
            return Finding("combination", OK, f"{this}: tested with Spark {one['spark']} on {one['date']}, {how}")
    others = ", ".join(f"Java {one['java']} with Python {one['python']}" for one in ran)
    return Finding("combination", OK, f"{this}: not tested together" + (f"; this Spark was with {others}" if others else ""))


def known():
    """All results; none where they were not packed."""
    results = Path(__file__).resolve().parents[1] / "matrix.json"
    return json.loads(results.read_text()) if results.is_file() else []


def line(version):
    """3.4 of 3.4.1-vendor.2."""
    return ".".join(version.split("-")[0].split(".")[:2])


def feature(version):
    """8 of 1.8.0_504, 17 of 17.0.15+6."""
    numbers = version.replace("+", ".").replace("-", ".").split(".")
    return numbers[1] if numbers[0] == "1" else numbers[0]

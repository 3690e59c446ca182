"""Which Spark this is."""

import os
from importlib.util import find_spec
from pathlib import Path

from native_python_worker.doctor.finding import ERROR, OK, Finding


def look():
    """Spark's folder, or None, and the finding."""
    named = os.environ.get("SPARK_HOME")
    found = find_spec("pyspark")
    home = Path(named) if named else found and Path(found.origin).parent
    if home is None or not (home / "jars").is_dir():
        where = f"SPARK_HOME={named} has no folder jars" if named else "this Python has no pyspark, and SPARK_HOME is not set"
        return None, [Finding("spark", ERROR, where, "install pyspark here, or set SPARK_HOME")]
    return home, [Finding("spark", OK, str(home))]


def python_path(home):
    """What is on the module path of Spark's workers."""
    own = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*map(str, sorted((home / "python/lib").glob("*.zip"))), *([own] if own else [])])

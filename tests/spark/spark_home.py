"""The SPARK_HOME of drivers: that of the PySpark in use, or one like it whose `pyspark.zip` has its modules compiled as well.

    spark_home.py     makes that one for this interpreter, if there is none

Every interpreter that Spark starts imports PySpark from this zip. Python compiles what it finds there each time, which takes as long
as all else that such a test does; tests of the wheel and of the matrix have the zip as it is installed.
"""

import importlib.util
import sys
import tempfile
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path

import pyspark

INSTALLED = Path(pyspark.__file__).resolve().parent
HOMES = Path(__file__).resolve().parents[2] / "build/spark-homes"
COMPILED = HOMES / f"spark-{pyspark.__version__}-{sys.implementation.cache_tag}"
SPARK_HOME = COMPILED if COMPILED.is_dir() else INSTALLED

ARCHIVE = "python/lib/pyspark.zip"
# What no interpreter of a test imports.
LEFT_OUT = ("pyspark/pandas/", "pyspark/ml/", "pyspark/mllib/", "pyspark/pipelines/", "pyspark/testing/")


def is_compiled(name):
    return name.endswith(".py") and "/tests/" not in name and not name.startswith(LEFT_OUT)


def compile_archive(source, target, path):
    """The same archive, and beside the modules what they compile to; tracebacks name the files of `path`."""
    with zipfile.ZipFile(source) as plain, zipfile.ZipFile(target, "w") as compiled:
        for entry in plain.infolist():
            text = plain.read(entry)
            compiled.writestr(entry, text)
            if is_compiled(entry.filename):
                code = compile(text, f"{path}/{entry.filename}", "exec", dont_inherit=True)
                compiled.writestr(
                    f"{entry.filename}c", _code_to_hash_pyc(code, importlib.util.source_hash(text), checked=False)
                )


def link(folder, target, but):
    """All of a folder, without one entry."""
    target.mkdir()
    for entry in folder.iterdir():
        if entry.name != but:
            (target / entry.name).symlink_to(entry)


def main():
    HOMES.mkdir(parents=True, exist_ok=True)
    if COMPILED.is_dir():
        return
    with tempfile.TemporaryDirectory(dir=HOMES) as folder:
        home = Path(folder, "home")
        link(INSTALLED, home, "python")
        link(INSTALLED / "python", home / "python", "lib")
        link(INSTALLED / "python/lib", home / "python/lib", "pyspark.zip")
        compile_archive(INSTALLED / ARCHIVE, home / ARCHIVE, COMPILED / ARCHIVE)
        home.rename(COMPILED)


if __name__ == "__main__":
    main()

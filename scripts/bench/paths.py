"""Where things are, from the root of the tree; `./bench` starts everything there."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build/bench"
DOCS = ROOT / "docs/bench"
README = ROOT / "README.md"
MEASUREMENTS = ROOT / "docs/measurements.md"
JAR = ROOT / "build/libs/native-python-worker.jar"


def spark_python(version, has_libraries=False):
    """The interpreter that has this PySpark, and scikit-learn where that is asked for (see scripts/venvs.sh)."""
    return ROOT / "build/venvs" / (f"{version}-libraries" if has_libraries else version) / "bin/python"


def spark_home(version):
    return next((ROOT / "build/venvs" / version / "lib").glob("python*/site-packages/pyspark"))


def run_folder(version, quick):
    """What a run leaves behind. A quick one is no measurement, and is kept apart."""
    return BUILD / (f"{version}-quick" if quick else version)

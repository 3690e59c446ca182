"""What Spark reads besides the program, when the program starts its JVM: the arguments for spark-submit, and the file of defaults."""

import os
import re
from importlib.util import find_spec
from pathlib import Path

SEPARATOR = re.compile(r"\s*[=:\s]\s*")


def arguments():
    """Those that PySpark starts the JVM with, as one text."""
    return os.environ.get("PYSPARK_SUBMIT_ARGS", "")


def names(*keys):
    """Whether the arguments set one of these, or may, as they name another file of settings."""
    return has_option("--properties-file") or any(f"{key}=" in arguments() for key in keys)


def has_option(option):
    return re.search(rf"(?<!\S)[\"']?{option}(?=[\s\"'=])", arguments()) is not None


def defaults():
    """What spark-defaults.conf has, by key. The file need not be there."""
    try:
        lines = map(str.strip, defaults_file().read_text(errors="replace").splitlines())
    except OSError:
        return {}
    pairs = [SEPARATOR.split(line, maxsplit=1) for line in lines if line and line[0] not in "#!"]
    return {key: "".join(value) for key, *value in pairs}


def defaults_file():
    named = os.environ.get("SPARK_CONF_DIR")
    return Path(named or spark_home() / "conf", "spark-defaults.conf")


def spark_home():
    """As PySpark finds it."""
    named = os.environ.get("SPARK_HOME")
    spec = None if named else find_spec("pyspark")
    return Path(named or (Path(spec.origin).parent if spec else "."))

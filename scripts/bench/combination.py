"""What both sides of a pair run on: a Spark, a JDK, a Python."""

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from paths import BUILD, ROOT

USUAL_SPARK = "4.3.0"
JAVA_HOME = ". scripts/lib.sh; java_home $1"


@dataclass(frozen=True)
class Combination:
    """A version of Spark; with a version of Java or Python where that is not the one of all other builds and tests."""

    spark: str
    java: str = ""
    python: str = ""

    @staticmethod
    def ask_for(parser):
        """Adds what `chosen` reads to a parser of arguments."""
        parser.add_argument("--spark", metavar="VERSION", default=USUAL_SPARK, help="PySpark from PyPI (default: %(default)s)")
        parser.add_argument("--java", metavar="VERSION", default="", help="its major version (default: that of all tests, 17)")
        parser.add_argument("--python", metavar="VERSION", default="", help="as in 3.9 (default: the python3 of this machine)")

    @classmethod
    def chosen(cls, arguments):
        return cls(arguments.spark, arguments.java, arguments.python)

    @property
    def name(self):
        """Of its results, as in `3.4.4-java11-python3.9`."""
        return self.spark + (f"-java{self.java}" if self.java else "") + (f"-python{self.python}" if self.python else "")

    @property
    def major(self):
        return int(self.spark.split(".")[0])

    @cached_property
    def java_home(self):
        if not self.java:
            return Path(os.environ["JAVA_HOME"])
        command = ["bash", "-c", JAVA_HOME, "bench", self.java]
        return Path(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip())

    def interpreter(self, has_libraries=False):
        """The Python that has this PySpark, and scikit-learn where that is asked for (see scripts/venvs.sh)."""
        return self._environment(has_libraries) / "bin/python"

    @property
    def spark_home(self):
        return next(self._environment().glob("lib/python*/site-packages/pyspark"))

    def _environment(self, has_libraries=False):
        name = self.spark + (f"-py{self.python}" if self.python else "") + ("-libraries" if has_libraries else "")
        return ROOT / "build/venvs" / name

    def results(self, quick=False):
        """The folder of what its runs leave behind. A quick one is no measurement, and is kept apart."""
        return BUILD / (f"{self.name}-quick" if quick else self.name)

"""The PySpark release of this interpreter: where its tests are, and which of them are run."""

import fnmatch
import importlib.util
import tomllib
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build/pyspark-tests"


@dataclass(frozen=True)
class Release:
    """One release of PySpark, as it is installed here."""

    version: str
    home: Path

    @property
    def folder(self):
        """Where all that is made of this release is kept."""
        return BUILD / self.version

    @property
    def sources(self):
        """What `pyspark.zip` holds, as files: pytest finds no tests in a zip, and some tests open files beside them."""
        return self.folder / "sources"

    @property
    def passes(self):
        """The list of tests that pass on stock Spark."""
        return HERE / f"passes-{self.version}.txt"

    def unpack(self):
        done = self.folder / "unpacked"
        if not done.exists():
            zipfile.ZipFile(self.home / "python/lib/pyspark.zip").extractall(self.sources)
            done.touch()

    def modules(self):
        """The test modules that this release has, of those that modules.toml asks for, by the subject they are about."""
        have = [path.relative_to(self.sources) for path in self.sources.glob("pyspark/**/tests/**/test_*.py")]
        have = sorted(".".join(path.with_suffix("").parts) for path in have)
        chosen = {}
        for group in catalogue()["group"]:
            for pattern in group["modules"]:
                for module in fnmatch.filter(have, pattern):
                    chosen.setdefault(module, group["about"])
        return chosen

    def expected(self):
        """The tests that pass on stock Spark, by module."""
        tests = {}
        for line in self.passes.read_text().splitlines():
            if line and not line.startswith("#"):
                module = ".".join(Path(line.split("::")[0]).with_suffix("").parts)
                tests.setdefault(module, []).append(line)
        return tests

    def write_passes(self, tests):
        head = (
            f"# The tests of PySpark {self.version} that pass on stock Spark. Made by:\n"
            f"#   ./test pyspark {self.version} --stock\n"
        )
        self.passes.write_text(head + "".join(f"{test}\n" for test in sorted(tests)))


def installed():
    home = importlib.util.find_spec("pyspark").submodule_search_locations[0]
    return Release(version("pyspark"), Path(home))


def catalogue():
    with open(HERE / "modules.toml", "rb") as file:
        return tomllib.load(file)

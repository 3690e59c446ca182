"""Writes docs/oracle.md: how PySpark's own tests go on the native factory, of those that pass on stock Spark.

    page.py VERSION...

From `passes-VERSION.txt`, which says what passes on stock Spark, and what the last run of `./test pyspark VERSION` has left behind.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass

import module
from release import ROOT, Release, catalogue

SHOWN = 6  # of the reasons for which tests are skipped

HEAD = """# PySpark's own tests

Each PySpark release has its own tests inside, in `pyspark.zip`. Those about workers and what runs in them are run here as they
are, on stock Spark and on the native factory. What passes on stock Spark is kept in `tests/pyspark/passes-VERSION.txt`;
`./test pyspark VERSION` fails for each of these tests that does not pass on the native factory, and where a JVM of a module had
Spark's own factory after all. A test that fails is run once more, alone, before it counts. Made by `tests/pyspark/page.py` (see
[CONTRIBUTING](../CONTRIBUTING.md)).

"""


@dataclass
class Results:
    """What is known of one release."""

    release: Release
    expected: dict  # the names of the tests that pass on stock Spark, by module
    tests: dict  # the tests as they went on the native factory, by module
    passed: Counter  # on the native factory, of those that pass on stock, by module
    day: str  # of the run

    def row(self, name):
        """The cells of one module."""
        if name not in self.tests:
            return ["", "", ""]
        return [len(self.expected.get(name, ())), self.passed[name], len(self.of(name, "skipped")) or ""]

    def of(self, name, outcome):
        """The tests of a module that ended so."""
        return [test for test in self.tests[name].values() if test.outcome == outcome]

    def all(self, outcome):
        return [test for name in self.tests for test in self.of(name, outcome)]

    def skipped(self):
        """For what reasons tests are skipped, and how many for each."""
        reasons = (re.sub(r"/\S+/site-packages/", "", test.text) for test in self.all("skipped"))
        return Counter(" ".join(reason.split()).rstrip(".") for reason in reasons)

    def failing(self):
        """The tests that fail, and do not pass on stock Spark either."""
        passing = {name for names in self.expected.values() for name in names}
        return [test.name for test in self.all("failed") if test.name not in passing]


def results(version):
    release = Release(version, None)
    expected = release.expected()
    native = ROOT / f"build/test-reports/pyspark-{version}.xml"
    cases = list(ElementTree.parse(native).iter("testcase"))
    lacking = expected.keys() - {one.get("classname") for one in cases}
    if lacking:
        raise SystemExit(f"{native} lacks {', '.join(sorted(lacking))}: run all of them")
    passed = Counter(one.get("classname") for one in cases if "::" in one.get("name") and one.find("failure") is None)
    reports = {name: release.folder / "native" / name / "report.xml" for name in sorted(expected)}
    tests = {name: module.read(path, name) for name, path in reports.items()}
    return Results(release, expected, tests, passed, day(next(iter(reports.values()))))


def day(report):
    return next(ElementTree.parse(report).iter("testsuite")).get("timestamp")[:10]


def table(heads, rows):
    lines = [heads, [":--"] + ["--:"] * (len(heads) - 1), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines) + "\n"


def summary(one):
    """The cells of one release."""
    on_stock = sum(map(len, one.expected.values()))
    counts = [len(one.tests), on_stock, one.passed.total(), len(one.all("skipped")), len(one.failing())]
    return [one.release.version, *counts, one.day]


def modules(releases):
    """A row for each module that any of the releases has, under the subject it is about."""
    about = {}
    for one in releases:
        about |= {name: subject for name, subject in one.release.modules().items() if name in one.tests}
    for subject in dict.fromkeys(entry["about"] for entry in catalogue()["group"]):
        yield [f"**{subject}**", *[""] * (3 * len(releases))]
        for name in sorted(name for name in about if about[name] == subject):
            yield [f"`{name.removeprefix('pyspark.')}`", *(cell for one in releases for cell in one.row(name))]


def skipped(one):
    """Why tests are skipped, the most frequent reasons by name."""
    reasons = one.skipped()
    named = [f"{reason} ({count})" for reason, count in reasons.most_common(SHOWN)]
    return "; ".join(
        named + [f"others ({reasons.total() - sum(c for _, c in reasons.most_common(SHOWN))})"] * (len(reasons) > SHOWN)
    )


def page(releases):
    yield HEAD
    heads = ["PySpark", "modules", "pass on stock", "of these on native", "skipped", "fail on both", "run on"]
    yield table(heads, map(summary, releases))
    yield "## Modules\n\nTests that pass on stock Spark, those of them that pass on the native factory, and tests that are skipped.\n\n"
    columns = [f"{one.release.version} {what}" for one in releases for what in ("stock", "native", "skipped")]
    yield table(["module of `pyspark`", *columns], modules(releases))
    yield "## Skipped by PySpark itself\n\n"
    yield "".join(f"- {one.release.version}: {skipped(one)}\n" for one in releases)
    yield "\n## Fail on both\n\nThey are not in the list of what passes on stock Spark.\n\n"
    for one in releases:
        failing = [f"`{name.removeprefix('pyspark/')}`" for name in one.failing()]
        yield f"- {one.release.version}: {', '.join(failing) or 'none'}\n"
    yield "\n## Left out\n\n"
    yield "".join(f"- {entry['about']}: {entry['reason']}.\n" for entry in catalogue()["left_out"])


def main(versions):
    (ROOT / "docs/oracle.md").write_text("".join(page([results(version) for version in versions])))


if __name__ == "__main__":
    main(sys.argv[1:])

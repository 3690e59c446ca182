"""Writes docs/oracle.md: how PySpark's own tests go on stock Spark and on the native factory.

    page.py VERSION...

From what the last runs of `./test pyspark VERSION --stock` and `./test pyspark VERSION` have left behind.
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
    stock: dict  # of the tests on stock Spark, by module
    passed: Counter  # on the native factory, of those that pass on stock, by module
    ran: tuple  # the days of both runs

    def row(self, name):
        """The cells of one module."""
        if name not in self.stock:
            return ["", "", ""]
        skipped = sum(test.outcome == "skipped" for test in self.stock[name].values())
        return [len(self.release.expected().get(name, ())), self.passed[name], skipped or ""]

    def total(self, outcome):
        return sum(test.outcome == outcome for tests in self.stock.values() for test in tests.values())

    def skipped(self):
        """For what reasons tests are skipped, and how many for each."""
        reasons = [test.text for tests in self.stock.values() for test in tests.values() if test.outcome == "skipped"]
        return Counter(re.sub(r"\s+", " ", reason).rstrip(".") for reason in reasons)

    def failing(self):
        """The tests that fail on stock Spark."""
        for tests in self.stock.values():
            for test in tests.values():
                if test.outcome == "failed":
                    yield test.name


def results(version):
    release = Release(version, None)
    reports = {path.parent.name: path for path in release.folder.glob("stock/*/report.xml")}
    native = ROOT / f"build/test-reports/pyspark-{version}.xml"
    cases = list(ElementTree.parse(native).iter("testcase"))
    lacking = release.expected().keys() - {one.get("classname") for one in cases}
    if lacking:
        raise SystemExit(f"{native} lacks {', '.join(sorted(lacking))}: run all of them")
    passed = Counter(one.get("classname") for one in cases if "::" in one.get("name") and one.find("failure") is None)
    stock = {name: module.read(path, name) for name, path in sorted(reports.items())}
    ran = (day(next(iter(reports.values()))), day(next(iter(release.folder.glob("native/*/report.xml")))))
    return Results(release, stock, passed, ran)


def day(report):
    return next(ElementTree.parse(report).iter("testsuite")).get("timestamp")[:10]


def table(heads, rows):
    lines = [heads, [":--"] + ["--:"] * (len(heads) - 1), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines) + "\n"


def summary(one):
    """The cells of one release."""
    on_stock = sum(map(len, one.release.expected().values()))
    days = " and ".join(sorted(set(one.ran)))
    return [one.release.version, len(one.stock), on_stock, one.passed.total(), one.total("skipped"), one.total("failed"), days]


def modules(releases):
    """A row for each module that any of the releases has, under the subject it is about."""
    about = {}
    for one in releases:
        about |= {name: subject for name, subject in one.release.modules().items() if name in one.stock}
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
    heads = ["PySpark", "modules", "pass on stock", "of these on native", "skipped", "fail on stock", "run on"]
    yield table(heads, map(summary, releases))
    yield "## Modules\n\nTests that pass on stock Spark, those of them that pass on the native factory, and tests that are skipped.\n\n"
    columns = [f"{one.release.version} {what}" for one in releases for what in ("stock", "native", "skipped")]
    yield table(["module of `pyspark`", *columns], modules(releases))
    yield "## Skipped by PySpark itself\n\n"
    yield "".join(f"- {one.release.version}: {skipped(one)}\n" for one in releases)
    yield "\n## Fail on stock Spark too\n\nThese are not held against the native factory.\n\n"
    for one in releases:
        failing = [f"`{name.removeprefix('pyspark/')}`" for name in one.failing()]
        yield f"- {one.release.version}: {', '.join(failing) or 'none'}\n"
    yield "\n## Left out\n\n"
    yield "".join(f"- {entry['about']}: {entry['reason']}.\n" for entry in catalogue()["left_out"])


def main(versions):
    (ROOT / "docs/oracle.md").write_text("".join(page([results(version) for version in versions])))


if __name__ == "__main__":
    main(sys.argv[1:])

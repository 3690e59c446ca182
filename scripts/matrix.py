"""Which combinations of Spark, Java and Python there are to test, what has come of it, and the page that shows it.

matrix.py rows [SPARK [JAVA [PYTHON]]]                   those that match, a line each, and which tests run there: short or whole;
                                                         of a Spark that is not here, as it is named
matrix.py note SPARK JAVA PYTHON REPORT                  takes the counts from a JUnit report
matrix.py note SPARK JAVA PYTHON --not-run REASON
matrix.py page                                           writes docs/matrix.md
"""

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs/matrix.json"
PAGE = ROOT / "docs/matrix.md"
# Each Spark on each Java that it is for, on one Python; and each Python on the oldest and on the newest Spark that is for it: Spark
# 4.3 asks for Python 3.11.
JAVAS = {
    "3.3.4": ("8", "11", "17"),
    "3.3.2-scala2.13": ("8",),
    "3.4.4": ("8", "11", "17"),
    "3.4.3-scala2.13": ("11",),
    "3.5.9": ("8", "11", "17"),
    "3.5.3-scala2.13": ("17",),
    "4.0.5": ("17", "21"),
    "4.1.4": ("17", "21"),
    "4.2.1": ("17", "21", "25"),
    "4.3.0": ("17", "21", "25"),
}
PYTHONS = {
    "3.3.4": ("3.8", "3.9", "3.10"),
    "3.3.2-scala2.13": ("3.8",),
    "3.4.4": ("3.9", "3.11"),
    "3.4.3-scala2.13": ("3.9",),
    "3.5.9": ("3.11", "3.8"),
    "3.5.3-scala2.13": ("3.11",),
    "4.0.5": ("3.11", "3.9", "3.12", "3.13"),
    "4.1.4": ("3.11", "3.14"),
    "4.2.1": ("3.11", "3.10"),
    "4.3.0": ("3.11", "3.12", "3.13", "3.14"),
}
# The oldest of all and the newest: there the whole of tests/spark runs.
CORNERS = (("3.3.4", "8", "3.8"), ("4.3.0", "25", "3.14"))
SHORT, WHOLE = "short", "whole"
HEAD = """# Versions that were tested together

Each row with a date is a run of the tests that are marked `matrix`, by `./test matrix`: jobs, failures, Arrow, workers that are not
reused or have no daemon, killed workers, metrics and the page, with stock Spark beside it; where it says so, all of `tests/spark`. What is tested is the wheel
for glibc 2.17 and later, as it is installed. PyPI's PySpark 3 is for Scala 2.12; the rows of Scala 2.13 have Spark's jars from Maven
Central. Rows without a date have not been run in this way; `./test` itself runs Spark 3.5.9 and 4.3.0 on Java 17. The page is made
from `matrix.json`.

"""


def rows():
    """All combinations: of each Spark its first Python on each Java, then the other Pythons on its usual Java."""
    for spark, javas in JAVAS.items():
        first, *others = PYTHONS[spark]
        usual = "17" if "17" in javas else javas[-1]
        here = [*((spark, java, first) for java in javas), *((spark, usual, python) for python in others)]
        yield from here
        yield from (row for row in CORNERS if row[0] == spark and row not in here)


def suite(row):
    """Which tests run there."""
    return WHOLE if row in CORNERS else SHORT


def matching(wanted):
    """The rows that begin with what is wanted; one that is named in full need not be among them."""
    found = [row for row in rows() if all(fits(have, want) for have, want in zip(row, wanted))]
    return found or ([tuple(wanted)] if len(wanted) == 3 else [])


def fits(have, want):
    """Whether this version is the wanted one, or of that line: 3.4.4 of 3.4."""
    return have == want or have.startswith(f"{want}.")


def results():
    """What is known, by combination."""
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else []
    return {(one["spark"], one["java"], one["python"]): one for one in known}


def note(row, found):
    """Keeps what came of a combination, in place of what was known of it."""
    known = results()
    known[row] = dict(zip(("spark", "java", "python"), row)) | {"date": date.today().isoformat()} | found
    ordered = sorted(known.values(), key=lambda one: [numbers(one[name]) for name in ("spark", "java", "python")])
    RESULTS.write_text("[\n" + ",\n".join(json.dumps(one) for one in ordered) + "\n]\n")


def numbers(version):
    """A version, to be sorted by."""
    return [int(number) for number in re.findall(r"\d+", version)]


def counted(report):
    """How many tests of a report have passed and failed."""
    counts = subprocess.run(
        [sys.executable, ROOT / "scripts/count_tests.py", report], capture_output=True, text=True, check=True
    ).stdout.split()
    return dict(zip(("passed", "failed"), map(int, counts)))


def outcome(found):
    """The last column of the page."""
    if found is None:
        return "not run"
    if "notRun" in found:
        return f"not run: {found['notRun']}"
    every = ", all of `tests/spark`" if found.get("suite") == WHOLE else ""
    return f"{found['passed']} passed{every}" + (f", **{found['failed']} failed**" if found["failed"] else "")


def page():
    """The page, with all combinations that there are to run or have been run."""
    known = results()
    every = sorted({*rows(), *known}, key=lambda row: [numbers(version) for version in row])
    lines = ["| Spark | Java | Python | date | |", "|---|---|---|---|---|"]
    for row in every:
        found = known.get(row)
        lines.append(f"| {' | '.join(row)} | {found['date'] if found else ''} | {outcome(found)} |")
    return HEAD + "\n".join(lines) + "\n"


def main(command, *arguments):
    if command == "rows":
        for row in matching(arguments):
            print(*row, suite(row))
    elif command == "note":
        row, (what, *reason) = arguments[:3], arguments[3:]
        note(row, {"notRun": reason[0]} if what == "--not-run" else counted(what) | {"suite": suite(row)})
    elif command == "page":
        PAGE.write_text(page())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["help"])

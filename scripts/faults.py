"""Writes docs/faults.md: what becomes of each fault, on stock Spark and on the native factory.

    faults.py VERSION STOCK.xml NATIVE.xml

The cases are those of tests/spark/faults.toml; what was seen of them is in the reports of two runs of the PySpark tests, one
of them with `--factory=stock`.
"""

import re
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FOLDERS = re.compile(r"(?:/[\w.-]+)+/(?=[\w.-]+)")

HEAD = """# Faults

What becomes of a fault, on stock Spark {version} and with the native factory. The two columns in the middle are what the
tests have seen and noted when they injected it, for real, on one machine; where there is nothing, the fault is injected
beneath Spark, where stock Spark has no such part, and the tests named assert what becomes of it. Made by
`scripts/faults.py` (see [CONTRIBUTING](../CONTRIBUTING.md)).

| | fault | stock Spark | native factory | shown by |
|---|---|---|---|---|
"""


def seen(report):
    """What was noted, by the number of its case."""
    notes = defaultdict(list)
    for one in ElementTree.parse(report).iter("property"):
        if one.get("name") == "fault":
            cases, text = one.get("value").split(": ", 1)
            for case in cases.split(", "):
                notes[int(case)].append(text)
    return notes


def cell(texts):
    """All that was seen, without the names of this machine's folders."""
    return "<br>".join(FOLDERS.sub("", text).replace("|", "\\|") for text in texts)


def rows(stock, native):
    with open(ROOT / "tests/spark/faults.toml", "rb") as file:
        cases = tomllib.load(file)["case"]
    for number, case in enumerate(cases, 1):
        shown = [f"`{name}`" if " " not in name else name for name in case["tests"]]
        shown += [case["note"]] if "note" in case else []
        yield f"| {number} | {case['fault']} | {cell(stock[number])} | {cell(native[number])} | {cell(shown)} |\n"


def main(version, stock, native):
    table = "".join(rows(seen(stock), seen(native)))
    (ROOT / "docs/faults.md").write_text(HEAD.format(version=version) + table)


if __name__ == "__main__":
    main(*sys.argv[1:])

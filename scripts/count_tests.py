"""Prints "PASSED FAILED" for the test reports named on the command line.

A report is a JUnit XML file, a folder of them, or a log of `cargo test`.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def from_log(text):
    results = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", text, re.MULTILINE)
    return [(int(passed), int(failed)) for passed, failed in results]


def from_xml(path):
    pairs = []
    for case in ElementTree.parse(path).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        pairs.append((not failed and not skipped, failed))
    return pairs


def main(names):
    pairs = []
    for name in map(Path, names):
        for path in filter(Path.is_file, name.rglob("*.xml") if name.is_dir() else [name]):
            pairs += from_xml(path) if path.suffix == ".xml" else from_log(path.read_text(errors="replace"))
    print(sum(passed for passed, _ in pairs), sum(failed for _, failed in pairs))


if __name__ == "__main__":
    main(sys.argv[1:])

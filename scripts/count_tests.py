"""Prints "PASSED FAILED" for the test reports named on the command line.

A report is pytest's JUnit XML file, or a log of `cargo test` or of the Java tests' runner.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def from_log(text):
    cargo = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", text, re.MULTILINE)
    java = re.findall(r"^(\d+) tests, (\d+) failed, \d+ ignored", text, re.MULTILINE)
    pairs = [(int(passed), int(failed)) for passed, failed in cargo]
    pairs += [(int(run) - int(failed), int(failed)) for run, failed in java]
    return pairs


def from_xml(path):
    pairs = []
    for case in ElementTree.parse(path).iter("testcase"):
        failed = case.find("failure") is not None or case.find("error") is not None
        skipped = case.find("skipped") is not None
        pairs.append((not failed and not skipped, failed))
    return pairs


def main(names):
    pairs = []
    for path in filter(Path.exists, map(Path, names)):
        pairs += from_xml(path) if path.suffix == ".xml" else from_log(path.read_text(errors="replace"))
    print(sum(passed for passed, _ in pairs), sum(failed for _, failed in pairs))


if __name__ == "__main__":
    main(sys.argv[1:])

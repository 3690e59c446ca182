"""The file with everything that was measured on one combination.

{"name", "spark", "quick", "machine", "measures": {name: {"commit", "date", "host", "failures", "cases": {case: [pair, ...]}}}}; a pair is
{"stock": {figure: number}, "native": {...}}, in seconds, bytes and rows a second. What ./bench soak found is in files of
their own.
"""

import json
from datetime import date

import machine

NAME = "results.json"
# The files of ./bench soak.
FORKS, MIXED = "forks", "mixed"


def read(file):
    return json.loads(file.read_text()) if file.is_file() else None


def write(file, found):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")


def begin(combination, quick):
    """The results so far, for more measures to be added; none if they are of another machine."""
    facts = machine.facts(combination)
    found = read(combination.results(quick) / NAME)
    if found and found["machine"] == facts:
        return found
    return {"name": combination.name, "spark": combination.spark, "quick": quick, "machine": facts, "measures": {}}


def add(results, measure, cases, failures, folder):
    """Puts a measure in the place of an older one of that name, and writes all to the file."""
    results["measures"][measure.name] = {
        "commit": machine.commit(),
        "date": date.today().isoformat(),
        "host": machine.host(),
        "failures": failures,
        "cases": cases,
    }
    write(folder / NAME, results)

"""The file with everything that was measured on one Spark version.

{"spark", "quick", "machine", "measures": {name: {"commit", "date", "failures", "cases": {case: [pair, ...]}}}}; a pair is
{"stock": {figure: number}, "native": {...}}, in seconds, bytes and rows a second.
"""

import json
from datetime import date

import machine

NAME = "results.json"


def load(folder):
    file = folder / NAME
    return json.loads(file.read_text()) if file.is_file() else None


def begin(version, quick, folder):
    """The results so far, for more measures to be added; none if they are of another machine."""
    facts = machine.facts(version)
    found = load(folder)
    if found and found["machine"] == facts:
        return found
    return {"spark": version, "quick": quick, "machine": facts, "measures": {}}


def add(results, measure, cases, failures, folder):
    """Puts a measure in the place of an older one of that name, and writes all to the file."""
    results["measures"][measure.name] = {
        "commit": machine.commit(),
        "date": date.today().isoformat(),
        "failures": failures,
        "cases": cases,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(json.dumps(results, indent=1) + "\n")

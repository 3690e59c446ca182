"""Looks at this machine and this Python as an executor would."""

import json
import os
import sys
from dataclasses import asdict

from native_python_worker.doctor import combination, jvm, limits, modules, spark
from native_python_worker.doctor.finding import ERROR, OK, WARNING

EPILOG = "Ends with 1 where something keeps the native factory from serving (with --strict: or where there is a warning), else with 0."


def add_arguments(parser):
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="for programs: a list of findings")
    parser.add_argument("--strict", action="store_true", help="take warnings for errors")
    default = os.environ.get("PYSPARK_PYTHON") or sys.executable
    parser.add_argument("--python", default=default, help="the interpreter that workers run (default: %(default)s)")
    parser.add_argument("--preload", type=names, default=[], help="modules of your own to look at, separated by commas")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--cores", type=int, default=cores, help="task slots of an executor (default: %(default)s)")


def names(text):
    """Those that commas separate, also as the setting has them: behind a plus."""
    return [name for name in text.lstrip("+").split(",") if name]


def examine(python, cores, preload):
    """All findings, in the order in which an executor would come across them."""
    home, findings = spark.look()
    yield from findings
    if home is None:
        return
    seen, findings = jvm.look(home)
    yield from findings
    if "spark" in seen:
        yield combination.look(seen, python)
    if "loadedAhead" in seen:
        yield from modules.look(home, python, seen["loadedAhead"], preload)
    yield from limits.look(cores)


def main(chosen):
    findings = []
    for finding in examine(chosen.python, chosen.cores, chosen.preload):
        findings.append(finding)
        if not chosen.json:
            print(finding, flush=True)
    levels = {finding.level for finding in findings}
    if chosen.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print(verdict(levels))
    return 1 if ERROR in levels or (chosen.strict and levels != {OK}) else 0


def verdict(levels):
    if ERROR in levels:
        return "Spark's own factory would serve Python here."
    if WARNING in levels:
        return "The native factory would serve Python here; see the warnings."
    return "The native factory would serve Python here."

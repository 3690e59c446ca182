"""Runs PySpark's own tests on the native factory, and holds the result against what stock Spark gives.

    oracle.py REPORT [--stock] [--only PATTERN...]

Run by the interpreter that has the PySpark release in question. A test that passes on stock Spark, as `passes-VERSION.txt` has
it, and does not pass here fails; REPORT has it all as JUnit XML. With `--stock` the same tests run on Spark's own factory, and
that list is made anew.
"""

import argparse
import fnmatch
import shutil
import signal
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor, as_completed

import module
from release import installed

AT_ONCE = 2
AGAIN = 5  # more failures of a module than that are no chance
TAIL = 40


def run_all(release, modules, native):
    """The runs of all modules, two at a time, as they end."""
    folder = release.folder / ("native" if native else "stock")
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        started = [pool.submit(module.run, release, name, native, fresh(folder / name)) for name in modules]
        for done in as_completed(started):
            run = done.result()
            counts = ", ".join(f"{len(run.named(outcome))} {outcome}" for outcome in ("passed", "failed", "skipped"))
            print(f"{run.module}: {counts}, {run.ended}, {run.seconds:.0f} s", flush=True)
            yield run
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        module.end_all()


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def make_list(release, modules):
    """Runs the modules on stock Spark; those that are not run now keep their part of the list."""
    kept = release.expected() if release.passes.exists() else {}
    cases = []
    for run in run_all(release, modules, native=False):
        refused = unfit(run)
        if not refused:
            kept[run.module] = run.named("passed")
            release.write_passes(test for tests in kept.values() for test in tests)
        cases.append(case(run.module, "stock", refused))
    return cases


def unfit(run):
    """Why the list cannot be made of this run; empty if it can."""
    if run.served:
        return "the native factory served a run on stock Spark"
    return f"it broke off: {run.ended}" if run.broke_off else ""


def compare(release, modules):
    """Runs the modules on the native factory; a case for each test that passes on stock Spark, and one for who served."""
    expected = release.expected()
    for run in list(run_all(release, [name for name in modules if name in expected], native=True)):
        yield case(run.module, "served by the native factory", unserved(run))
        missing = [name for name in expected[run.module] if outcome(run, name) != "passed"]
        recovered = again(release, run, missing)
        for name in expected[run.module]:
            failed = name in missing and name not in recovered
            yield case(run.module, name, told(run, name) if failed else "", run.tests.get(name))


def outcome(run, name):
    return run.tests[name].outcome if name in run.tests else "not run"


def again(release, run, missing):
    """Those that pass when they run alone: what failed by chance does not count."""
    if len(missing) > AGAIN:
        return []
    passed = []
    for name in missing:
        folder = release.folder / "native" / f"{run.module}-again" / name.rpartition("::")[2]
        second = module.run(release, run.module, True, folder, [name])
        if outcome(second, name) == "passed" and not unserved(second):
            print(f"{name}: {outcome(run, name)} at first, passed alone\n{tail(told(run, name))}", flush=True)
            passed.append(name)
    return passed


def unserved(run):
    """Why this run proves nothing of the native factory; empty if it does."""
    fallbacks = [line for line in run.warnings if "Spark's own factory serves" in line]
    if fallbacks:
        return "\n".join(fallbacks)
    if run.served < run.contexts:
        return f"it served {run.served} of {run.contexts} contexts"
    return ""


def told(run, name):
    if name in run.tests:
        test = run.tests[name]
        return f"{test.outcome}\n{test.text}"
    return f"not run: {run.ended}\n{run.log.read_text(errors='replace')}"


def tail(text):
    return "\n".join(text.rstrip().splitlines()[-TAIL:])


def case(suite, name, failure, test=None):
    """A test case of the report; where it failed, with the end of its output, which is printed too."""
    found = ElementTree.Element("testcase", classname=suite, name=name, time=f"{test.seconds if test else 0:.3f}")
    if failure:
        text = module.printable(tail(failure))
        ElementTree.SubElement(found, "failure", message=failure.splitlines()[0]).text = text
        print(f"FAILED {suite}: {name}\n{text}", flush=True)
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report")
    parser.add_argument("--stock", action="store_true", help="run on Spark's own factory, and make the list of what passes")
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="PATTERN", help="of the modules, only those with such a name"
    )
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    asked = arguments()
    release = installed()
    release.unpack()
    modules = [name for name in release.modules() if any(fnmatch.fnmatch(name, pattern) for pattern in asked.only)]
    cases = list((make_list if asked.stock else compare)(release, modules))
    suite = ElementTree.Element("testsuite", name=f"PySpark {release.version}")
    suite.extend(cases)
    ElementTree.ElementTree(suite).write(asked.report, encoding="utf-8", xml_declaration=True)
    failed = sum(one.find("failure") is not None for one in cases)
    print(f"{len(cases) - failed} as they should be, {failed} not")
    return failed > 0 or not cases


if __name__ == "__main__":
    sys.exit(main())

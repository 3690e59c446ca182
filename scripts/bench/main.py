"""Stock Spark against the native factory, on this machine. See docs/bench.md."""

import argparse
import time

import pairs
import plots
import prepare
import results
import tables
from combination import Combination
from interrupt import exit_with
from measures import MEASURES

import docs

FULL_PAIRS, QUICK_PAIRS = 3, 1
NAMES = [measure.name for measure in MEASURES]


def some_names(text):
    names = text.split(",")
    unknown = set(names) - set(NAMES)
    if unknown:
        raise argparse.ArgumentTypeError(f"no measure {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return names


def arguments():
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__, epilog="./bench soak --help: for hangs and leaks.")
    Combination.ask_for(parser)
    parser.add_argument("--quick", action="store_true", help="small sizes and one pair: shows that it runs, measures little")
    parser.add_argument("--only", metavar="NAME,...", type=some_names, default=NAMES, help=f"of {', '.join(NAMES)}")
    parser.add_argument("--pairs", type=int, help=f"runs of each side (default: {FULL_PAIRS}; {QUICK_PAIRS} with --quick)")
    parser.add_argument("--update-docs", action="store_true", help="measure nothing: rewrite docs/bench/ and the README")
    chosen = parser.parse_args()
    if chosen.python and "libraries" in chosen.only:
        parser.error("the measure libraries runs on this machine's own Python: leave it out by --only, or leave out --python")
    return chosen


def say(text):
    print(text, flush=True)


def measure_all(chosen):
    """Measures what was chosen. Returns whether every run was of use."""
    combination = Combination.chosen(chosen)
    folder = combination.results(chosen.quick)
    count = chosen.pairs or (QUICK_PAIRS if chosen.quick else FULL_PAIRS)
    prepare.spark(combination)
    cases = [case for measure in MEASURES if measure.name in chosen.only for case in measure.cases]
    if any(case.has_libraries for case in cases):
        prepare.libraries(combination)
    java = prepare.java_programs(combination) if any(case.is_java for case in cases) else None
    found = results.begin(combination, chosen.quick)
    started, good = time.monotonic(), True
    for measure in MEASURES:
        if measure.name in chosen.only:
            done, failures = pairs.run_measure(measure, combination, count, chosen.quick, folder / "runs", java, say)
            results.add(found, measure, done, failures, folder)
            good = good and not failures
    (folder / "table.md").write_text(tables.full_table(found) + "\n")
    plots.draw(found, folder)
    say(f"\n{tables.full_table(found)}\n\n{(time.monotonic() - started) / 60:.0f} minutes; all of it: {folder}")
    return good


def main():
    chosen = arguments()
    if chosen.update_docs:
        say(f"Shown: {', '.join(docs.update()) or 'nothing, no full run was found'}")
        return 0
    good = measure_all(chosen)
    if not good:
        say("Some runs FAILED: see above.")
    return 0 if good else 1


if __name__ == "__main__":
    exit_with(main)

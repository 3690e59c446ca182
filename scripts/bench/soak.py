"""Forks many workers from one preloaded zygote, then lets an executor live through an hour of mixed jobs and mishaps, and
looks for hangs, deaths and leaks. See docs/bench.md."""

import argparse
import sys
from datetime import date

import machine
import prepare
import results
from combination import Combination
from interrupt import exit_with
from submit import NATIVE, Program, RunFailed, run

FORKS = 100_000
MINUTES = 60
# All of the heap is there from the start, so that what the JVM has more at the end is no heap.
HEAP = {"spark.driver.memory": "1g", "spark.driver.extraJavaOptions": "-Xms1g -XX:+AlwaysPreTouch"}
FORKS_CONF = {**HEAP, "spark.master": "local[2]", "spark.python.worker.reuse": "false"}
# Every task has eight attempts. What is kept for a time is kept for seconds.
MIXED_CONF = {
    **HEAP,
    "spark.master": "local[8,8]",
    "spark.nativePythonWorker.idleTimeout": "5s",
    "spark.nativePythonWorker.zygote.idleTimeout": "10s",
}
# What nobody waits for in vain: the programs themselves have shorter limits for each task and job.
SECONDS_A_FORK, SECONDS_AROUND = 1, 900


def arguments():
    parser = argparse.ArgumentParser(prog="./bench soak", description=__doc__)
    Combination.ask_for(parser)
    parser.add_argument("--forks", type=int, default=FORKS, help="how many; 0 for none (default: %(default)s)")
    parser.add_argument("--minutes", type=int, default=MINUTES, help="of mixed jobs; 0 for none (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mixed jobs (default: %(default)s)")
    return parser.parse_args()


def programs(chosen):
    """What is to run: its name in the results, the program, its limit in seconds, and whether it is the whole length."""
    if chosen.forks:
        program = Program("forks", {"forks": chosen.forks}, FORKS_CONF)
        yield results.FORKS, program, SECONDS_AROUND + SECONDS_A_FORK * chosen.forks, chosen.forks >= FORKS
    if chosen.minutes:
        program = Program("mixed", {"minutes": chosen.minutes, "seed": chosen.seed}, MIXED_CONF)
        yield results.MIXED, program, SECONDS_AROUND + 60 * chosen.minutes, chosen.minutes >= MINUTES


def main():
    chosen = arguments()
    combination = Combination.chosen(chosen)
    prepare.spark(combination)
    folder = combination.results()
    for name, program, limit, whole in programs(chosen):
        told = ", ".join(f"{key} {value:,d}" for key, value in program.arguments.items())
        print(f"==> {name}: {told}, on {combination.name}", flush=True)
        try:
            report = run(program, combination, NATIVE, folder / name, output=sys.stdout, limit=limit)
        except RunFailed as failure:
            print(f"FAILED: {failure}", flush=True)
            return 1
        found = {**report["figures"], **report["result"], "commit": machine.commit(), "date": date.today().isoformat()}
        if whole:  # a short one is not for the documentation
            results.write(folder / f"{name}.json", found)
        print("No hang, no leak, and nothing but what was to be expected.", flush=True)
    return 0


if __name__ == "__main__":
    exit_with(main)

"""Forks many workers from one preloaded zygote, and looks for hangs, deaths and leaks. See docs/bench.md."""

import argparse
import sys
from datetime import date

import machine
import prepare
import results
from interrupt import exit_with
from paths import run_folder
from submit import NATIVE, Program, RunFailed, run

FORKS = 100_000
# Spark's own limit on the driver's heap, so that a leak there ends the run and not the machine.
CONF = {"spark.master": "local[2]", "spark.python.worker.reuse": "false", "spark.driver.memory": "1g"}
# What nobody waits for in vain: the program itself has shorter limits for each task and job.
SECONDS_A_FORK, SECONDS_AROUND = 1, 900


def arguments():
    parser = argparse.ArgumentParser(prog="./bench soak", description=__doc__)
    parser.add_argument("--spark", metavar="VERSION", default="4.3.0", help="PySpark from PyPI (default: %(default)s)")
    parser.add_argument("--forks", type=int, default=FORKS, help="how many (default: %(default)s; 2000 is a short one)")
    return parser.parse_args()


def main():
    chosen = arguments()
    prepare.spark(chosen.spark)
    program = Program("soak", {"forks": chosen.forks}, CONF)
    folder = run_folder(chosen.spark, quick=False) / "soak"
    print(f"==> {chosen.forks:,d} forks on Spark {chosen.spark}", flush=True)
    try:
        limit = SECONDS_AROUND + SECONDS_A_FORK * chosen.forks
        report = run(program, chosen.spark, NATIVE, folder, output=sys.stdout, limit=limit)
    except RunFailed as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    found = {**report["figures"], **report["result"], "commit": machine.commit(), "date": date.today().isoformat()}
    if chosen.forks >= FORKS:  # a short one is not for the documentation
        results.write(run_folder(chosen.spark, quick=False) / results.SOAK, found)
    print(f"No hang, no death, no leak: {chosen.forks:,d} forks in {found['seconds'] / 60:.0f} minutes.", flush=True)
    return 0


if __name__ == "__main__":
    exit_with(main)

"""Runs of stock and native in turn, so that a machine that grows slower or faster does so for both."""

import time
from dataclasses import replace

from submit import NATIVE, STOCK, Program, RunFailed, learn, run


def order(pair):
    """Which of the two goes first changes with every pair: stock, native, native, stock ..."""
    return (STOCK, NATIVE) if pair % 2 == 0 else (NATIVE, STOCK)


def run_pair(case, program, combination, pair, folder, say):
    """Both runs of one pair: {"stock": figures, "native": figures}. Raises RunFailed if either is of no use."""
    reports = {}
    for factory in order(pair):
        place = folder / f"{case.name.replace(' ', '-').replace(',', '')}-{pair + 1}-{factory}"
        learned = learn(program, combination, place.with_suffix(".before")) if case.learns and factory == NATIVE else {}
        started = time.monotonic()
        reports[factory] = run(replace(program, conf={**program.conf, **learned}), combination, factory, place)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in reports[factory]["figures"].items())
        say(f"    {factory}: {shown}  (in {time.monotonic() - started:.0f} s)")
    if reports[STOCK]["result"] != reports[NATIVE]["result"]:
        raise RunFailed(f"results differ: {reports[STOCK]['result']} and {reports[NATIVE]['result']}")
    return {factory: report["figures"] for factory, report in reports.items()}


def run_measure(measure, combination, pairs, quick, folder, java, say):
    """All pairs of a measure's cases, and what failed: ({case: [pair, ...]}, [sentence, ...]).

    The cases take turns as well, so that each of them sees the whole time of the measure.
    """
    cases = [case for case in measure.cases if combination.major >= case.since]
    done, failures = {case.name: [] for case in cases}, []
    for pair in range(pairs):
        for case in cases:
            arguments = {**case.arguments, **(case.quick if quick else {})}
            jar = java if case.is_java else None
            program = Program(case.program, arguments, case.conf, jar, case.uses_python, case.has_libraries)
            say(f"==> {measure.name}, {case.name}, pair {pair + 1} of {pairs}")
            try:
                done[case.name].append(run_pair(case, program, combination, pair, folder / measure.name, say))
            except RunFailed as failure:
                failures.append(f"{measure.name}, {case.name}, pair {pair + 1}: {failure}")
                say(f"    FAILED: {failure}")
    return done, failures

"""Mixed jobs, sessions, crashes, cancellations and kills, several at a time (mishaps.py), for some minutes.

Fails where one of them shows its user anything but what it should, or hangs; and where processes, descriptors, threads or
memory are more at the end than after the first part of the run.
"""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from random import Random

import mishaps
from snapshot import look, settle
from watchdog import limit

AT_ONCE = 3
ONE_SECONDS = 180
# The part of the run after which the first look is taken: by then the JVM has its pools, and its code compiled.
WARM_UP_PART = 0.25
# For idle workers, spares and what else is there for a time to go: the settings of the run have seconds for them.
REST_SECONDS = 20
# Longer than workers are idle in this run, and shorter than the zygote is.
PAUSE_SECONDS = 7
MINUTES_A_SELDOM_ONE = 2
LINES = 20


class Mixture:
    """Random mishaps, and how many there were of each."""

    def __init__(self, context, seed):
        self.context = context
        self.random = Random(seed)
        self.counts = Counter()

    def one(self, mishap):
        self.counts[mishap.__name__] += 1
        with limit(mishap.__name__, ONE_SECONDS):
            mishap(self.context, Random(self.random.random()))

    def keep_going(self, until):
        names, often = list(mishaps.OFTEN), list(mishaps.OFTEN.values())
        while time.monotonic() < until:
            self.one(self.random.choices(names, often)[0])

    def now_and_then(self, until, times):
        """The seldom ones, one after the other, at even distances."""
        pause = (until - time.monotonic()) / (times + 1)
        for n in range(times):
            time.sleep(pause)
            self.one(mishaps.SELDOM[n % len(mishaps.SELDOM)])

    def run(self, seconds, seldom):
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(AT_ONCE + 2) as pool:
            running = [pool.submit(self.keep_going, until) for _ in range(AT_ONCE)]
            running.append(pool.submit(self.now_and_then, until, seldom))
            running.append(pool.submit(self.report, until))
            for one in running:
                one.result()

    def report(self, until):
        started, pause = time.monotonic(), max(5, (until - time.monotonic()) / LINES)
        while time.monotonic() + pause < until:
            time.sleep(pause)
            left = (until - time.monotonic()) / 60
            per_minute = sum(self.counts.values()) / (time.monotonic() - started) * 60
            print(f"{sum(self.counts.values()):7,d} so far, {per_minute:.0f} a minute, {left:.0f} min left", flush=True)


def rest(context):
    """Leaves the executor nothing to do for a while but a small task now and then, for which its zygote stays.

    Nothing at all at first, so that workers go which PySpark's daemon has forked while the zygote was starting.
    """
    time.sleep(PAUSE_SECONDS)
    until = time.monotonic() + REST_SECONDS
    while time.monotonic() < until:
        mishaps.zygote(context)
        time.sleep(1)


def measure(session, minutes, seed):
    context = session.sparkContext
    started, seconds = time.monotonic(), minutes * 60
    mixture = Mixture(context, seed)
    mixture.run(seconds * WARM_UP_PART, seldom=len(mishaps.SELDOM))
    rest(context)
    before = look(mishaps.zygote(context))
    print(f"after the first part: {before}", flush=True)
    mixture.run(seconds * (1 - WARM_UP_PART), seldom=minutes // MINUTES_A_SELDOM_ONE)
    rest(context)
    after = settle(lambda: mishaps.zygote(context), before)
    print(f"at the end: {after}", flush=True)
    grown = after.grown(before)
    assert not grown, f"grown in {minutes} minutes: {'; '.join(grown)}"
    figures = {"minutes": (time.monotonic() - started) / 60, **mixture.counts}
    return figures, {"before": asdict(before), "after": asdict(after)}

"""How jobs go on an executor that something was done to."""

import re
import time
from dataclasses import dataclass

GIVEN_UP = 90


@dataclass
class Seen:
    """How a job went."""

    seconds: float
    value: object = None
    error: str | None = None
    hung: bool = False

    @property
    def works(self):
        return not self.hung and self.error is None

    def __str__(self):
        if self.hung:
            return f"hangs, given up after {self.seconds:.0f} s"
        if self.works:
            return f"works, {self.seconds:.1f} s"
        return f"fails after {self.seconds:.1f} s: {causes(self.error)[-1]}"


def causes(error):
    """The exceptions of a Java stack trace, a line each, the last of them the cause of all."""
    found = re.findall(r"^(?:Caused by: |: )?((?:java|org)\.[\w.$]+(?:Exception|Error)[^\n]*)", error, re.M)
    found = found or error.strip().splitlines() or [""]
    return [re.sub(r"\b(?:java|org)\.[a-z.]+\.(?=[A-Z])", "", one)[:200] for one in found]


def attempt(driver, job, patience=GIVEN_UP, **options):
    started = time.monotonic()
    seen = Seen(0)
    try:
        seen.value = driver.run(job, timeout=patience, **options).value
    except AssertionError as lost:
        seen.hung, seen.error = "no answer" in str(lost), str(lost)
    except Exception as failure:
        seen.error = str(failure)
    seen.seconds = time.monotonic() - started
    return seen

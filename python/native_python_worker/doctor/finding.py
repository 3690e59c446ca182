"""What the doctor has to say."""

from dataclasses import dataclass

OK, WARNING, ERROR = "ok", "warning", "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. An error is what keeps the native factory from serving."""

    topic: str
    level: str
    text: str
    advice: str = ""

    def __str__(self):
        advice = f"\n{'':9} -> {self.advice}" if self.advice else ""
        return f"{self.level:>8}  {self.topic}: {self.text}{advice}"

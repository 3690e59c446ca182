"""Medians and ratios of pairs of runs."""

from dataclasses import dataclass
from statistics import median

from submit import NATIVE, STOCK


@dataclass(frozen=True)
class Summary:
    """One figure over all pairs. The ratios say how many times better native is: above 1 is better."""

    stock: float
    native: float
    ratio: float
    lowest: float
    highest: float
    pairs: int


def better(stock, native, more_is_better):
    return native / stock if more_is_better else stock / native


def summarise(pairs, name, more_is_better=False):
    """The medians of both sides, and the median of the pairs' ratios with its spread. None without pairs."""
    values = [(pair[STOCK][name], pair[NATIVE][name]) for pair in pairs if name in pair[STOCK]]
    if not values:
        return None
    ratios = [better(stock, native, more_is_better) for stock, native in values]
    return Summary(
        stock=median(stock for stock, _ in values),
        native=median(native for _, native in values),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        pairs=len(values),
    )


def price_of_fresh(cases, name):
    """How many times longer a job takes on native with a new process for each task than with workers reused.

    By pairs, as (median, lowest, highest); None where one of the two was not measured.
    """
    off, on = cases.get("reuse off", []), cases.get("reuse on", [])
    ratios = [fresh[NATIVE][name] / reused[NATIVE][name] for fresh, reused in zip(off, on)]
    return (median(ratios), min(ratios), max(ratios)) if ratios else None

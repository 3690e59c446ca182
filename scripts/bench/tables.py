"""Results as Markdown tables."""

from measures import MEASURES, UDFS
from summary import price_of_fresh, summarise
from tabulate import tabulate

# From seconds, bytes and rows a second.
SCALES = {"": 1, "s": 1, "ms": 1e3, "us": 1e6, "MiB": 1 / 2**20, "rows/s": 1}
HEADS = ("", "stock", "native", "times better", "spread of pairs")
RIGHT = ("left", "right", "right", "right", "right")


def number(value):
    """Three digits that count, never an exponent."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def quantity(value, unit):
    if unit == "rows/s":
        return f"{value / 1e6:.1f} M/s"
    return f"{number(value * SCALES[unit])} {unit}".rstrip()


def row(figure, found):
    return (
        figure.title,
        quantity(found.stock, figure.unit),
        quantity(found.native, figure.unit),
        f"{number(found.ratio)}x",
        f"{number(found.lowest)} to {number(found.highest)}",
    )


def figures(results, measure):
    """Each figure of a measure with its summary, as far as it was measured."""
    cases = results["measures"].get(measure.name, {}).get("cases", {})
    for case in measure.cases:
        for name, figure in case.figures.items():
            found = summarise(cases.get(case.name, []), name, figure.more_is_better)
            if found:
                yield figure, found


def fresh_rows(results):
    """What a new process for each task costs on native, as rows of the same form."""
    cases = results["measures"].get("tasks", {}).get("cases", {})
    for kind, udf in UDFS.items():
        price = price_of_fresh(cases, kind)
        if price:
            middle, lowest, highest = map(number, price)
            yield f"native: reuse off against reuse on, {udf}", "", f"{middle}x", "", f"{lowest} to {highest}"


def rendered(rows, columns):
    """Rows under the first heads, as Markdown."""
    alignment = RIGHT[:columns] if rows else None
    return tabulate(rows, HEADS[:columns], tablefmt="pipe", colalign=alignment, disable_numparse=True)


def table(results, names):
    rows = []
    for measure in MEASURES:
        if measure.name in names:
            rows += [row(figure, found) for figure, found in figures(results, measure)]
            rows += fresh_rows(results) if measure.name == "tasks" else ()
    return rendered(rows, len(HEADS))


def main_table(results):
    """All but the curve."""
    return table(results, [measure.name for measure in MEASURES if measure.name != "curve"])


def headlines(results):
    """The three figures that the README begins with, without what only a reader of measurements asks for."""
    measured = [pair for measure in MEASURES for pair in figures(results, measure)]
    return rendered([row(figure, found)[:-1] for figure, found in measured if figure.headline], len(HEADS) - 1)


def full_table(results):
    return table(results, [measure.name for measure in MEASURES])

"""Results as plots, SVG and PNG."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator
from measures import MEASURES
from tables import SCALES, figures, number

STOCK_COLOUR, NATIVE_COLOUR = "#8c8c8c", "#d1495b"
# So that the same results give the same file.
plt.rcParams["svg.hashsalt"] = "native-python-worker"


def save(figure, folder, name):
    figure.tight_layout()
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=150)
    plt.close(figure)
    return f"{name}.svg"


def ratios(results, folder):
    """How many times better native is: a bar from 1 for each figure, to the left where it is worse.

    A thin line shows the spread of the pairs.
    """
    found = [pair for measure in MEASURES if measure.name != "curve" for pair in figures(results, measure)]
    if not found:
        return None
    titles = [figure.title for figure, _ in found]
    values = [one.ratio for _, one in found]
    spread = [[one.ratio - one.lowest for _, one in found], [one.highest - one.ratio for _, one in found]]
    plot, axes = plt.subplots(figsize=(9, 0.38 * len(found) + 1.2))
    colours = [NATIVE_COLOUR if value >= 1 else STOCK_COLOUR for value in values]
    axes.barh(titles, [value - 1 for value in values], left=1, xerr=spread, color=colours, ecolor="black", height=0.6)
    for place, (_, one) in enumerate(found):
        right_end = (max(one.highest, 1), place)
        axes.annotate(f"{number(one.ratio)}x", right_end, (4, 0), textcoords="offset points", va="center")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.margins(x=0.2, y=0.01)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    axes.set_xlabel(f"times better than stock Spark {results['spark']}")
    return save(plot, folder, f"{results['name']}-ratios")


def line(axes, results, series, style):
    """Draws the figures of a series over their places on the axis, stock and native. False where there are none."""
    measured = [pair for measure in MEASURES for pair in figures(results, measure)]
    points = [(figure, one) for figure, one in measured if figure.series == series]
    if not points:
        return False
    places = [figure.x for figure, _ in points]
    scale = SCALES[points[0][0].unit]
    kind = series.partition(",")[1:]
    for side, colour in (("stock", STOCK_COLOUR), ("native", NATIVE_COLOUR)):
        heights = [getattr(one, side) * scale for _, one in points]
        axes.plot(places, heights, style, color=colour, marker="o", label=side + "".join(kind))
    axes.set_xticks(places, map(str, places))
    return True


def curves(results, folder, name, series, labels, log=True):
    """A plot of some series, each with the style of its lines; `labels` are those of the two axes."""
    plot, axes = plt.subplots(figsize=(6, 4))
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    drawn = [line(axes, results, one, style) for one, style in series.items()]
    if not any(drawn):
        plt.close(plot)
        return None
    axes.minorticks_off()
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.set_ylim(bottom=None if log else 0)
    axes.grid(alpha=0.3)
    axes.legend()
    return save(plot, folder, f"{results['name']}-{name}")


def draw(results, folder):
    """All plots that the results are enough for; their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    tasks = {"tasks, reuse off": "-", "tasks, reuse on": "--"}
    files = [
        ratios(results, folder),
        curves(results, folder, "tasks", tasks, ("tasks of the job", "seconds")),
        curves(results, folder, "workers", {"workers": "-"}, ("new workers at once", "seconds")),
        curves(results, folder, "memory", {"memory": "-"}, ("workers", "MiB of memory (PSS)"), log=False),
    ]
    return [file for file in files if file]

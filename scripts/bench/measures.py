"""What is measured: every measure, the programs it runs, and the figures that come out."""

from dataclasses import dataclass, field

REUSE = "spark.python.worker.reuse"
MASTER = "spark.master"


@dataclass(frozen=True)
class Figure:
    """One number of a run. Figures with a place on an axis form a series of a plot."""

    title: str
    unit: str = "s"
    more_is_better: bool = False
    series: str = ""
    x: int | None = None


@dataclass(frozen=True)
class Case:
    """One program in a fresh JVM, on both factories. `figures` says what the names in its report stand for."""

    name: str
    program: str
    conf: dict
    arguments: dict
    figures: dict
    quick: dict = field(default_factory=dict)

    def key(self, name):
        """What a figure of this case is called in the results."""
        return f"{self.name}: {name}"


@dataclass(frozen=True)
class Measure:
    name: str
    title: str
    cases: tuple


def local(cores, **conf):
    return {MASTER: f"local[{cores}]", **conf}


def tasks(reuse):
    return Case(
        name=f"reuse {reuse}",
        program="jobs",
        conf=local(4, **{REUSE: "true" if reuse == "on" else "false"}),
        arguments={"tasks": 40, "jobs": 5},
        quick={"jobs": 1},
        figures={
            "pandas": Figure(f"40 short tasks, reuse {reuse}, pandas UDF"),
            "plain": Figure(f"40 short tasks, reuse {reuse}, plain UDF"),
        },
    )


def first(kind):
    figures = {"first": Figure(f"first {kind} UDF of an application")}
    return Case(kind, "first", local(4), {"kind": kind}, figures)


def memory(workers):
    title = f"memory (PSS) of {workers} workers after a pandas UDF"
    figure = Figure(title, "MiB", series="memory", x=workers)
    return Case(f"{workers} workers", "memory", local(workers), {"workers": workers, "warm": 1}, {"pss": figure})


def memory_at_first(workers):
    """As `memory`, where the first job of the application is the one that needs so many workers."""
    figure = Figure(f"memory (PSS) of {workers} workers, all from the first job", "MiB")
    return Case(f"{workers} at first", "memory", local(workers), {"workers": workers, "warm": 0}, {"pss": figure})


def curve(name, cores, reuse, quick, most, step, words):
    """Jobs of growing size; `words` are the title of one, with the number of its tasks to fill in."""
    sizes, size = [], 1 if step == 2 else 10
    least = size
    while size <= most:
        sizes.append(size)
        size *= step
    return Case(
        name=name,
        program="curve",
        conf=local(cores, **{REUSE: reuse}),
        arguments={"least": least, "most": most, "step": step},
        quick={"most": quick},
        figures={str(n): Figure(words.format(n), series=name, x=n) for n in sizes},
    )


CREATE = Case(
    name="create",
    program="bench.CreateLatency",
    conf=local(4),
    arguments={"idle": 20000, "fresh": 200, "bursts": 5},
    quick={"idle": 2000, "fresh": 30, "bursts": 1},
    figures={
        "idle_p50": Figure("create and release of an idle worker, p50", "us"),
        "idle_p99": Figure("create and release of an idle worker, p99", "us"),
        "fresh_p50": Figure("create of a new worker (native: a spare), p50", "us"),
        "fresh_p99": Figure("create of a new worker (native: a spare), p99", "us"),
        "cold": Figure("first create of an executor up 3 s", "ms"),
        "burst": Figure("32 creates at once, until the last is there", "ms"),
    },
)

ROWS = Case(
    name="rows",
    program="rows",
    conf=local(4),
    arguments={"rows": 50_000_000, "jobs": 3},
    quick={"rows": 2_000_000, "jobs": 1},
    figures={"rows": Figure("rows a second through a pandas UDF", "rows/s", more_is_better=True)},
)

MEASURES = (
    Measure("tasks", "Jobs of short tasks", (tasks("off"), tasks("on"))),
    Measure("first", "First UDF", (first("pandas"), first("plain"))),
    Measure("create", "SparkEnv.createPythonWorker", (CREATE,)),
    Measure("memory", "Memory", (memory(4), memory(16), memory(32), memory_at_first(16))),
    Measure("rows", "Throughput", (ROWS,)),
    Measure(
        "curve",
        "Cost curve",
        (
            curve("tasks, reuse off", 4, "false", 100, 1000, 10, "{} tasks on 4 cores, reuse off"),
            curve("tasks, reuse on", 4, "true", 100, 1000, 10, "{} tasks on 4 cores, reuse on"),
            curve("workers", 64, "false", 8, 64, 2, "{} tasks at once, each in a new worker"),
        ),
    ),
)

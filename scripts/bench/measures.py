"""What is measured: every measure, the programs it runs, and the figures that come out."""

from dataclasses import dataclass, field

# The places on the axes of the cost curves.
TASKS = (10, 100, 1000)
WORKERS = (1, 2, 4, 8, 16, 32, 64)

# The functions of inside/udfs.py.
UDFS = {"pandas": "pandas UDF", "plain": "plain UDF", "pickled": "plain UDF without Arrow"}


@dataclass(frozen=True)
class Figure:
    """One number of a run. Figures with a place on an axis form a series of a plot."""

    title: str
    unit: str = "s"
    more_is_better: bool = False
    series: str = ""
    x: int | None = None
    headline: bool = False  # whether it is among the first things that the README says


@dataclass(frozen=True)
class Case:
    """One program in a fresh JVM, on both factories.

    `figures` says what the names in its report stand for; `quick` are the arguments that a quick run changes.
    """

    name: str
    program: str
    conf: dict
    arguments: dict
    figures: dict
    quick: dict = field(default_factory=dict)
    since: int = 3  # the first major version of Spark that can run it
    uses_python: bool = True
    has_libraries: bool = False  # whether it runs with scikit-learn installed
    learns: bool = False  # whether another application of the same program has gone before, from which native has learned

    @property
    def is_java(self):
        return "." in self.program


@dataclass(frozen=True)
class Measure:
    """Cases that belong together, under the name that --only takes."""

    name: str
    cases: tuple


def local(cores, reuse="on"):
    """A master with so many task slots, whatever the machine has, and whether a worker serves more than one task."""
    return {"spark.master": f"local[{cores}]", "spark.python.worker.reuse": "true" if reuse == "on" else "false"}


def tasks(reuse, kinds=tuple(UDFS), before=1, jobs=5):
    """A job of short tasks, after so many like it that do not count: the JVM compiles its part during the first twenty."""
    later = f", after {before} jobs" if before > 1 else ""
    return Case(
        name=f"reuse {reuse}",
        program="jobs",
        conf=local(4, reuse),
        arguments={"tasks": 40, "before": before, "jobs": jobs, "kinds": listed(kinds)},
        quick={"before": 1, "jobs": 1},
        figures={
            kind: Figure(f"40 short tasks, reuse {reuse}, {UDFS[kind]}{later}", headline=kind == "pandas" and reuse == "off")
            for kind in kinds
        },
    )


def first(kind):
    figures = {"first": Figure(f"first {UDFS[kind]} of an application")}
    return Case(kind, "first", local(4), {"kind": kind}, figures)


APPLICATIONS = {"rdd": "RDD", "plain": "plain UDF", "pandas": "pandas UDF", "sql": "SQL alone, no Python"}


def application(kind, jobs):
    what = f"{jobs} job{'s' * (jobs > 1)}, {APPLICATIONS[kind]}"
    return Case(
        name=f"{kind} {jobs}",
        program="application",
        conf=local("*"),
        arguments={"kind": kind, "jobs": jobs},
        figures={"whole": Figure(f"whole application, {what}"), "jobs": Figure(f"of that its {what}")},
        uses_python=kind != "sql",
    )


def memory(workers):
    title = f"memory (PSS) of {workers} workers after a pandas UDF"
    figure = Figure(title, "MiB", series="memory", x=workers, headline=workers == 16)
    return Case(f"{workers} workers", "memory", local(workers), {"workers": workers, "warm": 1, "jobs": 1}, {"pss": figure})


def memory_at_first(workers):
    """As `memory`, where the first job of the application is the one that needs so many workers."""
    figures = {
        "first": Figure(f"first job, which needs {workers} workers"),
        "pss": Figure(f"memory (PSS) of {workers} workers, all wanted by the first job, after the second one", "MiB"),
    }
    return Case(f"{workers} at first", "memory", local(workers), {"workers": workers, "warm": 0, "jobs": 2}, figures)


def curve(name, conf, sizes, quick, title):
    """Jobs of growing size; `quick` is how many of them a quick run has, and `title` has a place for the size."""
    return Case(
        name=name,
        program="curve",
        conf=conf,
        arguments={"sizes": listed(sizes)},
        quick={"sizes": listed(sizes[:quick])},
        figures={str(size): Figure(title.format(size), series=name, x=size) for size in sizes},
    )


def listed(sizes):
    return ",".join(map(str, sizes))


CREATE = Case(
    name="create",
    program="bench.CreateLatency",
    conf=local(4),
    arguments={"idle": 20000, "fresh": 400, "bursts": 5},
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

LIVES = Case(
    name="lives",
    program="lives",
    conf=local(4, "off"),
    arguments={"tasks": 100, "before": 20},
    quick={"tasks": 10, "before": 4},
    figures={
        "processor": Figure(
            "processor time of a new worker until its task, a pandas UDF, has ended, with its forker's part", "ms"
        ),
        "private": Figure("memory of its own (private pages) of a new worker, pandas UDF", "MiB"),
    },
)

SESSIONS = Case(
    name="sessions",
    program="bench.SessionLatency",
    conf=local(4),
    arguments={"sessions": 16, "rounds": 3},
    quick={"rounds": 1},
    figures={
        "new": Figure("16 new sessions create a worker at once, until the last has one", "ms"),
        "beside": Figure("create of an idle worker while another session's Python takes 3 s to start", "ms"),
    },
)


# Each session for itself, as Spark's own scripts start a server.
CONNECT = {
    "spark.connect.grpc.binding.port": "0",
    "spark.sql.artifact.isolation.enabled": "true",
    "spark.sql.artifact.isolation.alwaysApplyClassloader": "true",
}


def connect(sessions):
    among = f"{sessions} Spark Connect sessions"
    figures = {
        "wall": Figure(f"first UDF of {among} at once, all of them", headline=sessions == 8),
        "slowest": Figure(f"first UDF of {among} at once, the slowest"),
        "others": Figure(f"processes that fork workers, after {among}", ""),
        "pss": Figure(f"memory (PSS) after {among}", "MiB"),
    }
    return Case(f"{sessions} sessions", "connect", {**local(4), **CONNECT}, {"sessions": sessions}, figures, since=4)


def fitting(learns, before=0, jobs=3):
    """Tasks with a library that is not loaded ahead unless native has learned that it is worth it."""
    known = ", which native has learned of" if learns else ""
    warm = f", after {before} jobs" if before else ""
    figures = {
        "first": Figure(f"first job of an application, 16 tasks that fit a model of scikit-learn{known}"),
        "later": Figure(f"a later such job, reuse off{warm}{known}"),
    }
    name = "learned" if learns else "unknown"
    arguments = {"tasks": 16, "before": before, "jobs": jobs, "settle": 0}
    quick = {"before": 0, "jobs": 1}
    return Case(name, "fitting", local(4, "off"), arguments, figures, quick, has_libraries=True, learns=learns)


def fitted_memory(workers):
    """Of workers that have fitted such a model, native having learned of it."""
    figures = {"pss": Figure(f"memory (PSS) of {workers} workers with scikit-learn, which native has learned of", "MiB")}
    arguments = {"workers": workers, "settle": 0}
    return Case("memory", "fitted_memory", local(workers), arguments, figures, has_libraries=True, learns=True)


ROWS = Case(
    name="rows",
    program="rows",
    conf=local(4),
    arguments={"rows": 50_000_000, "jobs": 3},
    quick={"rows": 2_000_000, "jobs": 1},
    figures={"rows": Figure("rows a second through a pandas UDF", "rows/s", more_is_better=True)},
)

MEASURES = (
    Measure("tasks", (tasks("off"), tasks("on"))),
    Measure("later", (tasks("on", kinds=("pandas", "plain"), before=20, jobs=9),)),
    Measure("first", (first("pandas"), first("plain"))),
    Measure("application", (*(application(kind, jobs) for jobs in (1, 3) for kind in APPLICATIONS),)),
    Measure("create", (CREATE,)),
    Measure("lives", (LIVES,)),
    Measure("memory", (memory(4), memory(16), memory(32), memory_at_first(16))),
    Measure("sessions", (SESSIONS, connect(8), connect(32))),
    Measure("rows", (ROWS,)),
    Measure("libraries", (fitting(learns=False), fitting(learns=True, before=20, jobs=5), fitted_memory(16))),
    Measure(
        "curve",
        (
            curve("tasks, reuse off", local(4, "off"), TASKS, 1, "job of {} tasks, local[4], reuse off"),
            curve("tasks, reuse on", local(4, "on"), TASKS, 1, "job of {} tasks, local[4], reuse on"),
            curve("workers", local(64, "off"), WORKERS, 4, "job that needs new workers at once: {}"),
        ),
    ),
)

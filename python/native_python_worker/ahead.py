"""What a program has imported itself and its tasks will need: modules that are known to be safe to load ahead of them."""

import os
import shutil
import site
import sys
from pathlib import Path

from native_python_worker import submission

PRELOAD = "spark.nativePythonWorker.preload"
PYTHON = "spark.pyspark.python"

# What takes long to import and has passed the trial that the zygote makes of what workers import; docs/loading-ahead.md has the
# versions.
KNOWN_SAFE = (
    "joblib",
    "lightgbm",
    "networkx",
    "numba",
    "scipy.cluster",
    "scipy.fft",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.linalg",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.signal",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.special",
    "scipy.stats",
    "sklearn.cluster",
    "sklearn.compose",
    "sklearn.datasets",
    "sklearn.decomposition",
    "sklearn.feature_extraction.text",
    "sklearn.gaussian_process",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.naive_bayes",
    "sklearn.neighbors",
    "sklearn.neural_network",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "sklearn.tree",
    "statsmodels.api",
    "statsmodels.formula.api",
    "statsmodels.tsa.api",
    "xgboost",
)


def modules(options):
    """Those of the list that the program has imported, out of the interpreter's own packages. None where the user says what is
    to be loaded, or where tasks may run on another interpreter.
    """
    if is_set(PRELOAD, options) or not runs_tasks(options):
        return []
    return [name for name in KNOWN_SAFE if is_installed(sys.modules.get(name))]


def is_set(key, options):
    """Whether a user has set it where Spark would read it: in the program, or for the JVM that it is about to start."""
    return key in options or submission.names(key) or key in submission.defaults()


def runs_tasks(options):
    """Whether PySpark will have tasks run by this interpreter, as far as its name tells."""
    named = {name for name in (options.get(PYTHON), os.environ.get("PYSPARK_PYTHON")) if name}
    return all(is_own(name) for name in named or {"python3"})


def is_own(name):
    """Whether it is this interpreter: the same file under a name in the same folder, as an environment's are links to another's."""
    found = shutil.which(name)
    if not found or not sys.executable:
        return False
    folders = {os.path.realpath(os.path.dirname(path)) for path in (found, sys.executable)}
    return len(folders) == 1 and os.path.samefile(found, sys.executable)


def is_installed(module):
    """Whether it has come from a folder of packages of this interpreter, not from the program's own or the user's."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    if not origin:
        return False
    folders = [Path(folder).resolve() for folder in site.getsitepackages()]
    return any(folder in Path(origin).resolve().parents for folder in folders)

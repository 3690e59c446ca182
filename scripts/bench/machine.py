"""What a measurement depends on: the machine, the versions, the commit. No names in a network."""

import os
import platform
import subprocess
from pathlib import Path

from paths import ROOT

PACKAGES = ("pyspark", "pandas", "numpy", "pyarrow")
VERSIONS = "import importlib.metadata, sys; print(*map(importlib.metadata.version, sys.argv[1:]))"


def output(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def java(home):
    """As in `openjdk 17.0.15`."""
    told = subprocess.run([home / "bin/java", "-version"], capture_output=True, text=True, check=True).stderr
    name, _, version = told.splitlines()[0].replace('"', "").split()[:3]
    return f"{name} {version}"


def host():
    """Processor and kernel, of which another machine of the same size may have others."""
    return f"{processor()}, Linux {platform.release().split('-')[0]}"


def facts(combination):
    """What all measures of a combination must have in common to be shown together."""
    python = combination.interpreter()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = dict(zip(PACKAGES, output(python, "-c", VERSIONS, *PACKAGES).split()))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{memory / 2**30:.0f} GiB",
        "java": java(combination.java_home),
        "python": output(python, "-V").removeprefix("Python "),
        **packages,
    }


def commit():
    """The commit that is measured; a `+` marks changes that are not in it."""
    changed = output("git", "status", "--porcelain", "--untracked-files=no", "src", "java", "Cargo.lock")
    return output("git", "rev-parse", "--short", "HEAD") + ("+" if changed else "")

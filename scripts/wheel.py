"""Builds the wheel: python/ with the jar in it, tagged for the platforms that the jar has a library for.

Arguments: the jar, a folder to build in, and the folder for the wheel. Needs pip.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = re.compile(r"native/linux-(\w+)/[^/]+\.so")
GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")


def version():
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]


def platforms(jar):
    """The tag of each library in the jar; a library names the versions of glibc's functions that it needs."""
    with zipfile.ZipFile(jar) as entries:
        found = [(LIBRARY.fullmatch(name), name) for name in entries.namelist()]
        for match, name in found:
            if match:
                major, minor = max((int(a), int(b)) for a, b in GLIBC.findall(entries.read(name)))
                yield f"manylinux_{major}_{minor}_{match[1]}"


def stage(jar, folder):
    """A folder with all that goes into the wheel."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "python", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(jar, folder / "native_python_worker/native-python-worker.jar")
    shutil.copy(ROOT / "docs/matrix.json", folder / "native_python_worker")
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    (folder / "VERSION").write_text(version())


def run(*arguments, **environment):
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True, env={**os.environ, **environment})


def tag(wheel, platforms, tools):
    """Says for which platforms the wheel is; it has no compiled Python module that would tell."""
    run("pip", "install", "--quiet", "--upgrade", "--target", tools, "wheel")
    run("wheel", "tags", "--remove", "--platform-tag", ".".join(platforms), wheel, PYTHONPATH=str(tools))


def main(jar, folder, wheels):
    jar, folder, wheels = Path(jar), Path(folder), Path(wheels)
    stage(jar, folder)
    shutil.rmtree(wheels, ignore_errors=True)
    run("pip", "wheel", "--no-deps", "--wheel-dir", wheels, folder)
    [wheel] = wheels.glob("*.whl")
    tag(wheel, sorted(platforms(jar)), folder / "tools")


if __name__ == "__main__":
    main(*sys.argv[1:])

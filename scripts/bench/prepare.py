"""What a run needs before it starts: the jar, PySpark, and the Java program that asks SparkEnv for workers."""

import os
import subprocess
from pathlib import Path

from paths import BUILD, HERE, ROOT, spark_home

WATCHED = 'set -u; . scripts/lib.sh; say "==> $1"; watched "$2" "${@:3}" || { tail -n 40 "$2"; exit 1; }'


def step(title, *command):
    """A command or function of scripts/lib.sh, with its progress shown and its output in a log."""
    log = BUILD / "logs" / f"{title.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["bash", "-c", WATCHED, "bench", title, str(log), *map(str, command)], cwd=ROOT, check=True)


def spark(version):
    step("Building the jar", "build_jar")
    step(f"Getting PySpark {version}", "make_venv", version)


def libraries(version):
    step(f"Getting scikit-learn for PySpark {version}", "make_libraries_venv", version)


def java_programs(version):
    """Compiles java/ against this Spark. Returns the jar."""
    folder = BUILD / "classes" / version
    jar = folder.with_suffix(".jar")
    sources = HERE / "java"
    files = [*(sources / "bench").glob("*.java"), *(sources / f"spark{version[0]}" / "bench").glob("*.java")]
    tools = Path(os.environ["JAVA_HOME"]) / "bin"
    javac = [tools / "javac", "-nowarn", "-d", folder, "-cp", spark_home(version) / "jars/*"]
    step(f"Compiling for Spark {version}", *javac, *files)
    subprocess.run([tools / "jar", "cf", jar, "-C", folder, "."], check=True)
    return jar

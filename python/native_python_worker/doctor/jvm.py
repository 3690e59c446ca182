"""What a JVM finds here: its version, Spark's, and whether the native library can be loaded. The jar's own code looks."""

import json
import os
import shutil
import subprocess

from native_python_worker import conf
from native_python_worker.doctor.finding import ERROR, OK, Finding

PROGRAM = "io.nativepythonworker.Doctor"
SECONDS = 60
NEEDED = "Java 8 or later is needed, and what this Spark needs"


def java():
    """The java that Spark's scripts would take, or None."""
    home = os.environ.get("JAVA_HOME")
    return os.path.join(home, "bin", "java") if home else shutil.which("java")


def look(spark_home):
    """What the jar's program tells, and the findings."""
    program = java()
    if program is None:
        return {}, [Finding("java", ERROR, "there is none", "install a JDK 17, or set JAVA_HOME")]
    class_path = os.pathsep.join([str(conf.jar()), f"{spark_home}/jars/*"])
    try:
        run = subprocess.run(
            [program, "-cp", class_path, PROGRAM], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        return {}, [Finding("java", ERROR, f"{program}: {failure}", NEEDED)]
    told = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if not told:
        return {}, [Finding("java", ERROR, f"{program}: {first_line(run.stderr)}", NEEDED)]
    seen = json.loads(told[-1])
    return seen, [Finding("java", OK, f"{seen['java']} ({program})"), library(seen)]


def first_line(text):
    return next(iter(text.strip().splitlines()), "it said nothing")


def library(seen):
    """Whether the factory would start."""
    if "failure" in seen:
        return Finding("library", ERROR, seen["failure"], "see 'When something is missing' in docs/troubleshooting.md")
    return Finding("library", OK, f"version {seen['version']} on Spark {seen['spark']}, loaded from {seen['library']}")

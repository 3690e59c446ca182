# shellcheck shell=bash
# The combinations of Spark, Java and Python of `./test matrix`: the parts of each, and its run. Sourced by ./test.

# matrix_java VERSION: prints the folder of that JDK, which is brought here where that can be done.
matrix_java() {
  java_home "$1" && return
  scripts/jdk.sh "$1" >"$LOGS/jdk-$1.log" 2>&1 </dev/null && java_home "$1"
}

# python_of VERSION: prints an interpreter of that version: python3.9 of the path, or the newest under pyenv, or one that was
# brought here.
python_of() {
  local candidate
  for candidate in "$(command -v "python$1")" $(printf '%s\n' "$HOME"/.pyenv/versions/"$1".*/bin/python | sort -rV) \
    "$PWD/$BUILD/pythons/$1/bin/python$1"; do
    [ -x "$candidate" ] && "$candidate" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null &&
      echo "$candidate" && return
  done
  return 1
}

# matrix_python VERSION: prints an interpreter of that version, which is brought here where that can be done.
matrix_python() {
  python_of "$1" && return
  scripts/python.sh "$1" >"$LOGS/python-$1.log" 2>&1 </dev/null && python_of "$1"
}

not_run() {
  say "==> Spark $1, Java $2, Python $3: skipped, $4"
  python3 scripts/matrix.py note "$1" "$2" "$3" --not-run "$4"
}

declare -A program_tried

# matrix_program PYTHON INTERPRETER: the modules of the zygote's program on that Python, once a run.
matrix_program() {
  local report=$PWD/$BUILD/test-reports/program-$1.xml
  [ -z "${program_tried[$1]:-}" ] || return 0
  program_tried[$1]=yes
  step "the modules of the zygote on Python $1" "$report" "$2" -m pytest -v --junitxml "$report" tests/program
}

# matrix_environment SPARK PYTHON: that Spark on that Python, which is brought here where that can be done.
matrix_environment() {
  local interpreter
  interpreter=$(matrix_python "$2") && make_matrix_venv "$1" "$2" "$interpreter"
}

# with_wheel SPARK PYTHON INTERPRETER short|whole: their environment, with the wheel of this tree in it, and what these tests need.
with_wheel() {
  local folder=$BUILD/venvs/$1-py$2
  make_matrix_venv "$1" "$2" "$3" && pip_install "$folder" --no-deps --force-reinstall "$BUILD"/dist/*.whl || return
  [ "$4" = short ] || pip_install "$folder" "pyspark[connect]==${1%-scala*}"
}

# matrix_row SPARK JAVA PYTHON short|whole: these tests on one combination; what came of it is kept in docs/matrix.json.
matrix_row() {
  local name="Spark $1, Java $2, Python $3" report=$PWD/$BUILD/test-reports/matrix-$1-$2-$3.xml home python chosen=()
  [ "$4" = whole ] || chosen=(-m matrix)
  home=$(matrix_java "$2") || { not_run "$1" "$2" "$3" "no JDK $2 here"; return; }
  python=$(matrix_python "$3") || { not_run "$1" "$2" "$3" "no Python $3 here"; return; }
  step "what $name needs" - with_wheel "$1" "$3" "$python" "$4" ||
    { not_run "$1" "$2" "$3" "its environment could not be made"; return; }
  python=$(spark_python "$1-py$3")
  matrix_program "$3" "$python"
  rm -f "$report"
  step "$name" "$report" env JAVA_HOME="$home" NATIVE_PYTHON_WORKER_TEST_LOGS="$LOGS/drivers-$1-jdk$2-py$3" \
    NATIVE_PYTHON_WORKER_JAR="$("$python" -c 'import native_python_worker; print(native_python_worker.jar())')" \
    "$python" -m pytest -v "${chosen[@]}" --junitxml "$report" tests/spark
  [ -f "$report" ] || { not_run "$1" "$2" "$3" "it ended without a report"; return; }
  python3 scripts/matrix.py note "$1" "$2" "$3" "$report"
}

# matrix [SPARK [JAVA [PYTHON]]]: all that match, and the page that shows them.
matrix() {
  local rows row
  mapfile -t rows < <(python3 scripts/matrix.py rows "$@")
  [ ${#rows[@]} != 0 ] || { say "==> no combination matches: $*"; failed=$((failed + 1)); }
  for row in "${rows[@]}"; do
    # shellcheck disable=SC2086 # four words
    matrix_row $row
  done
  python3 scripts/matrix.py page
}

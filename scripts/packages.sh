#!/usr/bin/env bash
# Makes what is published of a release, from libraries that were built elsewhere: the jar, the wheel for PyPI, and a Maven
# repository.
#   scripts/packages.sh FOLDER      with FOLDER/linux-<architecture>/libnative_python_worker.so for each architecture
# Leaves them in build/packages.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh

libraries=${1:?'the folder with the libraries'}
packages=$PWD/$BUILD/packages
need_tools
rm -rf "$packages"
mkdir -p "$packages"
run_gradle jar publishToMavenLocal "-PnativeLibraries=$libraries" "-Dmaven.repo.local=$packages/maven" || fail 'No jar.'
cp "$JAR" "$packages/"
python3 -m venv "$BUILD/venvs/packages" || fail 'No Python environment.'
"$BUILD/venvs/packages/bin/python" scripts/wheel.py "$JAR" "$BUILD/wheel" "$packages/wheel" || fail 'No wheel.'
find "$packages" -type f

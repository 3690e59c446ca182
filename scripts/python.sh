#!/usr/bin/env bash
# Puts a Python of another Debian release into build/pythons/VERSION, and changes nothing of this machine's packages:
#   scripts/python.sh 3.14
# With the C library and the others that it wants beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/unpacked.sh

readonly PYTHONS=$PWD/$BUILD/pythons
# What its modules of C are linked with.
readonly LIBRARIES=(libc6 libssl3t64 libffi8 libexpat1 zlib1g libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libncursesw6
  libreadline8t64 libtinfo6 libzstd1)

# release_of VERSION: the Debian release that has this Python.
release_of() {
  case $1 in
    3.14) echo sid ;;
    *) fail "No release of Debian is known to have a Python $1" ;;
  esac
}

main() {
  local version=$1 root=$PYTHONS/files-$1
  local program=$root/usr/bin/python$1
  [ -x "$PYTHONS/$version/bin/python$version" ] && return
  rm -rf "$root"
  private_apt "$(release_of "$version")"
  unpack "$root" "python$version" "python$version-minimal" "libpython$version-minimal" "libpython$version-stdlib" \
    "python$version-venv" python3-pip-whl "${LIBRARIES[@]}"
  with_library "$program" "$root"
  # Where `venv` takes pip from.
  sed -i "s#'/usr/share/python-wheels/'#'$root/usr/share/python-wheels/'#" "$root/usr/lib/python$version"/_sysconfigdata*.py
  "$program" -c 'import ctypes, ensurepip, lzma, sqlite3, ssl, venv'
  ln -sfn "$root/usr" "$PYTHONS/$version"
}

main "$@"

#!/usr/bin/env bash
# Puts a JDK of another Debian release into build/jdks/VERSION, and changes nothing of this machine's packages:
#   scripts/jdk.sh 8 | 11 | 21
# One that wants a newer C library than this machine's gets that beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh
. scripts/unpacked.sh

readonly JDKS=$PWD/$BUILD/jdks

# release_of VERSION: the Debian release that has this JDK.
release_of() {
  case $1 in
    8) echo sid ;;
    11) echo bullseye ;;
    21) echo trixie ;;
    *) fail "No release of Debian is known to have a JDK $1" ;;
  esac
}

# links_inside ROOT: has the links of an unpacked JDK lead to its own files.
links_inside() {
  local link target
  find "$1" -type l | while read -r link; do
    target=$(readlink "$link")
    case $target in /etc/java* | /usr/lib/jvm/*) ln -sfn "$1$target" "$link" ;; esac
  done
}

main() {
  local version=$1 root=$JDKS/files-$1 home
  [ -x "$JDKS/$version/bin/javac" ] && return
  rm -rf "$root"
  private_apt "$(release_of "$version")"
  unpack "$root" "openjdk-$version-jdk-headless" "openjdk-$version-jre-headless"
  links_inside "$root"
  home=$(find "$root/usr/lib/jvm" -maxdepth 1 -type d -name 'java-*-openjdk-*')
  if ! "$home/bin/java" -version >/dev/null 2>&1; then
    unpack "$JDKS/library-$version" libc6
    with_library "$home" "$JDKS/library-$version"
  fi
  "$home/bin/java" -version
  ln -sfn "$home" "$JDKS/$version"
}

main "$@"

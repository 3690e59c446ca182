#!/usr/bin/env bash
# Builds the library for old systems too: it needs glibc 2.17 only. Zig, from PyPI, is the linker that knows old versions.
#   scripts/portable_library.sh [ARCHITECTURE]      x86_64 (default) or aarch64; Rust must have that target
# Leaves it in build/native/linux-ARCHITECTURE. `gradle jar -PnativeLibraries=build/native` makes a jar with all that are there.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/lib.sh

GLIBC=2.17
architecture=${1:-x86_64}
target=$architecture-unknown-linux-gnu
tools=$BUILD/venvs/zig
need_tools
if [ ! -f "$tools/made" ]; then
  say '==> Getting Zig'
  { python3 -m venv "$tools" && "$tools/bin/pip" install -q ziglang cargo-zigbuild && touch "$tools/made"; } || fail 'No Zig.'
fi
say "==> Building for $target, glibc $GLIBC"
PATH=$PWD/$tools/bin:$PATH CARGO_TARGET_DIR=$PWD/$BUILD/portable \
  cargo zigbuild --release --locked --lib --target "$target.$GLIBC" || fail "Failed. Rust has the target with: rustup target add $target"
mkdir -p "$BUILD/native/linux-$architecture"
cp "$BUILD/portable/$target/release/libnative_python_worker.so" "$BUILD/native/linux-$architecture/"
say "$BUILD/native/linux-$architecture/libnative_python_worker.so"

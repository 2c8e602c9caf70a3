#!/usr/bin/env bash
# Builds the door's Debian package and prints its path.
#
#   boards/linux/debian/build.sh [amd64|arm64] [FOLDER]     default: this machine's architecture, the target folder's debian/
#
# Needs cargo-deb (cargo install cargo-deb --version =3.7.0 --locked). For an architecture other than this machine's also its Rust target
# and its C compiler (Debian: gcc-aarch64-linux-gnu, gcc-x86-64-linux-gnu), which builds and links the parts of TLS that are not Rust.
#   CARGO      how to call cargo for that target        (default: cargo)
set -euo pipefail
cd "$(dirname "$0")/../../.."
read -ra cargo <<< "${CARGO:-cargo}"
unset CARGO
host=$(dpkg --print-architecture)
architecture=${1:-$host}
case $architecture in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "there are amd64 and arm64, not $architecture" >&2; exit 2 ;;
esac
triple=$machine-unknown-linux-gnu
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
out=${2:-$CARGO_TARGET_DIR/debian}
if [ "$architecture" != "$host" ]; then
  export "CC_${triple//-/_}=$machine-linux-gnu-gcc"
  linker=CARGO_TARGET_${triple^^}_LINKER
  export "${linker//-/_}=$machine-linux-gnu-gcc"
fi
"${cargo[@]}" build --release --locked -p door-linux --bin door --target "$triple" >&2

# Manual pages and completions come from the program itself. They are the same for all architectures, so this machine's can write them.
release=$CARGO_TARGET_DIR/$triple/release
door=$release/door
if [ "$architecture" != "$host" ]; then
  cargo build --locked -p door-linux --bin door >&2
  door=$CARGO_TARGET_DIR/debug/door
fi
rm -rf "$release/pages"
mkdir -p "$release/pages" "$out"
"$door" man --out "$release/pages"
gzip -9n "$release"/pages/*.1
for shell in bash zsh fish; do
  "$door" completions $shell > "$release/pages/door.$shell"
done
"${cargo[@]}" deb --no-build --strip --locked -p door-linux --target "$triple" --output "$out" >&2
ls "$out"/door_*_"$architecture".deb

#!/usr/bin/env bash
# The door for 64-bit Arm boards, built here and run on an emulated processor: its commands answer, its demonstration opens for Ada alone,
# and on pictures it sees, matches and decides what this machine's own build does, to the last digit that it prints.
#
#   boards/linux/tests/arm.sh
#
# Needs qemu-aarch64 (user mode), aarch64-linux-gnu-gcc with its C library in /usr/aarch64-linux-gnu, and the Rust target.
#   CARGO        how to call cargo for that target               (default: cargo)
#   DOOR_MODELS  detector, embedding and liveness networks, see tests/replay_faces.rs; without them pictures are NOT RUN
#   FACES_DIR    photographs                                     (default: ../shared/faces beside the repository)
set -euo pipefail
cd "$(dirname "$0")/../../.."
read -ra cargo <<< "${CARGO:-cargo}"
unset CARGO
target=aarch64-unknown-linux-gnu
faces=${FACES_DIR:-$PWD/../shared/faces}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
"${cargo[@]}" build --release --locked -p door-linux --bin door --target $target
cargo build --locked -p door-linux --bin door
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
arm() { qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu "${CPU:-max}" "$CARGO_TARGET_DIR/$target/release/door" --config "$work/door.toml" "$@"; }
own() { "$CARGO_TARGET_DIR/debug/door" --config "$work/door.toml" "$@"; }
fail() { echo "$*" >&2; exit 1; }
# same NAME ARGUMENTS..: both say the same on stdout and stderr and end with the same code, times left out.
same() {
  local name=$1 code
  shift
  for build in arm own; do
    code=0
    $build "$@" > "$work/$build.out" 2> "$work/$build.err" || code=$?
    echo "exit code $code" >> "$work/$build.out"
    sed -E -i 's/"(ms|p50_ms|p99_ms)":[0-9.e-]+,?//g; s/20[0-9]{2}-[0-9-]+T[0-9:.]+Z/TIME/' "$work/$build.out"
  done
  diff "$work/own.out" "$work/arm.out" && diff "$work/own.err" "$work/arm.err" || fail "$name: the two builds do not agree"
  echo "-- $name: the same"
}

cat > "$work/door.toml" << END
[models]
folder = "${DOOR_MODELS:-$work}"
[people]
folder = "$work/people"
key = "$work/key"
[source]
kind = "folder"
path = "$work/frames"
[log]
folder = "$work/log"
[web]
listen = "off"
END
mkdir "$work/frames"
same "help" --help
same "settings" config default
arm people init > /dev/null
same "people" people list --json
# The first one makes the log's folder.
own doctor > /dev/null 2>&1 || true
same "doctor" doctor
arm demo --seconds 18 > "$work/demo" 2> /dev/null
[ "$(grep -c OPEN "$work/demo")" = 1 ] && grep -q held "$work/demo" && tail -n 1 "$work/demo" | grep -q locked ||
  { cat "$work/demo"; fail "the demonstration does not open for Ada alone"; }
echo "-- demo: opens once, ends locked"

sample=$faces/nuaa-live-print-sample.tar
if [ -z "${DOOR_MODELS:-}" ] || [ ! -f "$sample" ]; then
  echo "NOT RUN: no DOOR_MODELS or no $sample"
  exit
fi
tar xf "$sample" -C "$work/frames"
live() { find "$work/frames/nuaa/live/$1" -name '*.jpg' | sort; }
mkdir -p "$work/enrol/one" "$work/enrol/two"
live 0001 | head -n 4 | xargs cp -t "$work/enrol/one"
live 0004 | head -n 4 | xargs cp -t "$work/enrol/two"
{
  echo visit,person,kind,t_ms,path
  # visit NUMBER PERSON KIND: eight frames from stdin.
  visit() { awk -v visit="$1" -v who="$2" -v kind="$3" 'NR <= 8 { print visit "," who "," kind "," NR * 66 "," $0 }'; }
  live 0001 | tail -n +5 | visit 1 one genuine
  live 0004 | tail -n +5 | visit 2 two genuine
  live 0002 | visit 3 "" stranger
  find "$work/frames/nuaa/print/0001" -name '*.jpg' | sort | visit 4 one print
} > "$work/visits.csv"
visits() { same "$1" replay "$work/visits.csv" --root / --people "$work/enrol" --explain --json "${@:2}"; cat "$work/arm.out"; }
# Nobody is asked whether they live: somebody must get in, or little was compared.
visits "replay without liveness" --set liveness=off
grep -q '"genuine_granted":[1-9]' "$work/arm.out" || fail "nobody got in"
visits "replay"
grep -q '"strangers_granted":0' "$work/arm.out" && grep -q '"prints_granted":0' "$work/arm.out" || fail "somebody got in"
[ "$(grep -c '^visit ' "$work/arm.err")" -ge 24 ] || fail "few frames were decided on"
for picture in $(live 0001 | tail -n 2) $(live 0002 | tail -n 1); do
  same "${picture##*/}" test "$picture" --json
done
# Processors of a Pi 5, and of a Pi 3 without dot products.
for CPU in cortex-a76 cortex-a53; do
  same "${picture##*/} on $CPU" test "$picture" --json
done

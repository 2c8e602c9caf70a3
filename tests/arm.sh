#!/usr/bin/env bash
# The kernels' tiers for 64-bit Arm, emulated: every tier of every processor below must be there, pass the tests of kernels and
# searches and compute the shipped model to the same bits. With `count`, also the instructions that one run of the model takes; with
# `predict`, how long that may take on boards.
#
#   tests/arm.sh [count | predict]
#
# Needs qemu-aarch64 (user mode), aarch64-linux-gnu-gcc with its C library in /usr/aarch64-linux-gnu, and the Rust target.
#   CARGO          how to call cargo for that target        (default: cargo)
#   count, predict:
#     PLUGIN_QEMU  a qemu-aarch64 that takes TCG plugins    (not QEMU_PLUGIN, which QEMU itself reads)
#     PLUGIN_API   their version                            (default: 1, of QEMU 6 to 8; 2 or later for newer ones)
#   predict:       python3, and what benches/arm/predict.py names in its head
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cargo <<< "${CARGO:-cargo}"
target=aarch64-unknown-linux-gnu
libraries=/usr/aarch64-linux-gnu
model=models/zoo/mobilefacenet-128.afm
macs=220965376
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
build=(--release --locked -p edge-infer --features std --target $target)
tiers=(scalar neon dotprod i8mm)
"${cargo[@]}" build "${build[@]}" --example run_model
program=$CARGO_TARGET_DIR/$target/release/examples/run_model

if [ $# -gt 0 ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  gcc -O2 -shared -fPIC -DAPI="${PLUGIN_API:-1}" -o "$work/blocks.so" benches/arm/blocks.c
fi
case ${1:-} in
predict)
  LIBRARIES=$libraries python3 benches/arm/predict.py "$program" $model "$work/blocks.so"
  exit ;;
count)
  # total TIER RUNS: the program's instructions.
  total() {
    "${PLUGIN_QEMU:-qemu-aarch64}" -L $libraries -cpu max -plugin "$work/blocks.so,out=$work/blocks" "$program" $model "$1" "$2" > /dev/null
    awk '$1 != "start" { total += $2 * $3 } END { printf "%d\n", total }' "$work/blocks"
  }
  for tier in "${tiers[@]}"; do
    one=$(total "$tier" 1) two=$(total "$tier" 2)
    awk -v tier="$tier" -v one="$one" -v two="$two" -v macs=$macs \
      'BEGIN { printf "%-8s %11d instructions, %.4f a multiply-accumulate\n", tier, two - one, (two - one) / macs }'
  done
  exit ;;
'') ;;
*)
  echo "tests/arm.sh [count | predict]" >&2
  exit 2 ;;
esac

# on CPU TIERS: the tests on a processor that has these tiers and no others. Refusals have no tiers.
on() {
  echo "-- $1: $2"
  EXPECT_TIERS=$2 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L $libraries -cpu $1" \
    "${cargo[@]}" test --quiet "${build[@]}" --test kernels --test gallery -- tiers:: random:: by_hand:: searches
}
on max scalar,neon,dotprod,i8mm
on cortex-a76 scalar,neon,dotprod
on cortex-a53 scalar,neon

results=$(for tier in "${tiers[@]}"; do qemu-aarch64 -L $libraries -cpu max "$program" $model "$tier" 1; done)
echo "$results"
[ "$(awk '{ print $2 }' <<< "$results" | sort -u | wc -l)" = 1 ] && [ "$(wc -l <<< "$results")" = ${#tiers[@]} ] ||
  { echo "the tiers do not agree on $model" >&2; exit 1; }

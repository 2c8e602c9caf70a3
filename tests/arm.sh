#!/usr/bin/env bash
# The kernels' tiers for 64-bit Arm, emulated: every tier of every processor below must be there, pass the tests of kernels and
# searches and compute the shipped model to the same bits. With `count`, also the instructions that one run of the model takes.
#
#   tests/arm.sh [count]
#
# Needs qemu-aarch64 (user mode), aarch64-linux-gnu-gcc with its C library in /usr/aarch64-linux-gnu, and the Rust target.
#   CARGO      how to call cargo for that target        (default: cargo)
#   count:     PLUGIN_QEMU (not QEMU_PLUGIN, which QEMU itself reads), a qemu-aarch64 that takes TCG plugins of API 1, and COUNTER, the plugin's source
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

if [ "${1:-}" = count ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  gcc -O2 -shared -fPIC -DV1 -o "$work/count.so" "${COUNTER:-../shared/tools/count-instructions.c}"
  # total TIER RUNS: the program's instructions.
  total() {
    "${PLUGIN_QEMU:-qemu-aarch64}" -L $libraries -cpu max -plugin "$work/count.so" -d plugin "$program" $model "$1" "$2" 2>&1 > /dev/null |
      sed -n 's/^edgecount total: //p'
  }
  for tier in "${tiers[@]}"; do
    awk -v tier="$tier" -v one="$(total "$tier" 1)" -v two="$(total "$tier" 2)" -v macs=$macs \
      'BEGIN { if (one == "" || two == "") { print "no count: is it a QEMU that takes plugins?"; exit 1 }
               printf "%-8s %11d instructions, %.4f a multiply-accumulate\n", tier, two - one, (two - one) / macs }'
  done
  exit
fi

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

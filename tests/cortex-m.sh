#!/usr/bin/env bash
# The kernels' tiers for Cortex-M, on emulated boards: every tier of every processor below must be there, pass the tests of kernels
# and searches and compute the shipped model to the bits of this machine's scalar tier, with less than 8 KiB of stack. With `count`,
# also the instructions that one run of the model takes.
#
#   tests/cortex-m.sh [count]
#
# Needs qemu-system-arm and the Rust targets thumbv7em-none-eabihf and thumbv8m.main-none-eabihf.
#   CARGO      how to call cargo for those targets      (default: cargo)
#   ROUNDS     random layers of each kind, galleries   (default: 100)
#   count:     a qemu-system-arm that takes TCG plugins of API 3, and COUNTER, the plugin's source
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra cargo <<< "${CARGO:-cargo}"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
here=$(mkdir -p "$CARGO_TARGET_DIR/cortex-m" && cd "$CARGO_TARGET_DIR/cortex-m" && pwd)
model=models/zoo/mobilefacenet-128.afm
macs=220965376
stack=8192
# board, processor, target and the tiers that must be there
boards=(
  "mps2-an386 cortex-m4 thumbv7em-none-eabihf scalar dsp"
  "mps2-an500 cortex-m7 thumbv7em-none-eabihf scalar dsp"
  "mps2-an505 cortex-m33 thumbv8m.main-none-eabihf scalar dsp"
  "mps3-an547 cortex-m55 thumbv8m.main-none-eabihf scalar dsp helium"
)

# emulate BOARD TARGET WORD..: runs the board's firmware with these words. Its console is the emulator's stderr.
emulate() {
  local board=$1 program=$here/$1/$2/release/bare-metal words=arg=bare-metal word
  shift 2
  for word in "$@"; do words+=,arg=$word; done
  timeout 600 qemu-system-arm -M "$board" -display none -serial none -monitor none \
    -semihosting-config enable=on,target=native,"$words" "${plugin[@]}" -kernel "$program" 2>&1
}
plugin=()
if [ "${1:-}" = count ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  gcc -O2 -shared -fPIC -o "$work/count.so" "${COUNTER:-../shared/tools/count-instructions.c}"
  plugin=(-plugin "$work/count.so" -d plugin)
else
  # The tier, the bits, and times.
  read -r _ expected _ <<< "$(cargo run --quiet --release --locked -p edge-infer --features std --example run_model -- $model scalar 1)"
fi

for entry in "${boards[@]}"; do
  read -r board processor target tiers <<< "$entry"
  echo "-- $processor ($board): $tiers"
  BOARD=$board RUSTFLAGS="-C target-cpu=$processor" CARGO_TARGET_DIR=$here/$board \
    "${cargo[@]}" build --quiet --release --locked --manifest-path tests/bare-metal/Cargo.toml --target "$target"
  if [ "${1:-}" = count ]; then
    # total TIER RUNS: the program's instructions.
    total() { emulate "$board" "$target" model "$1" "$2" | sed -n 's/^edgecount total: //p'; }
    for tier in $tiers; do
      awk -v tier="$tier" -v one="$(total "$tier" 1)" -v two="$(total "$tier" 2)" -v macs=$macs \
        'BEGIN { if (one == "" || two == "") { print "no count: is it a QEMU that takes plugins?"; exit 1 }
                 printf "%-8s %11d instructions, %.4f a multiply-accumulate\n", tier, two - one, (two - one) / macs }'
    done
    continue
  fi
  suite=$(emulate "$board" "$target" suite "${ROUNDS:-100}") || { echo "$suite"; exit 1; }
  [ "$suite" = "tiers $tiers"$'\n'done ] || { echo "not what was expected: $suite" >&2; exit 1; }
  for tier in $tiers; do
    run=$(emulate "$board" "$target" model "$tier" 1) || { echo "$run"; exit 1; }
    read -r name bits _ bytes <<< "$(sed -n 2p <<< "$run")"
    echo "$name $bits, stack $bytes bytes"
    [ "$name $bits" = "$tier $expected" ] || { echo "$tier does not give the bits $expected of $model" >&2; exit 1; }
    [ "$bytes" -lt $stack ] || { echo "$tier takes more than $stack bytes of stack" >&2; exit 1; }
  done
done

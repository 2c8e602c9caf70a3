#!/usr/bin/env bash
# Training speed beside PyTorch's, in one run: each takes its turn three times, so that a busy moment of the machine meets all.
#
#   PYTHON=python3 benches/training/compare.sh [BATCH] [STEPS]
#
# PYTHON needs torch. Prints a line of JSON a turn, then the ratio of the best turns: ours over PyTorch's better layout.
set -euo pipefail
cd "$(dirname "$0")/../.."
batch=${1:-32} steps=${2:-30}
python=${PYTHON:-python3}
cargo build --quiet -p host-train --bench train_step
turns=$(
    for _ in 1 2 3; do
        cargo bench --quiet --profile dev -p host-train --bench train_step -- "$batch" "$steps"
        "$python" benches/training/torch_step.py nchw "$batch" "$steps"
        "$python" benches/training/torch_step.py nhwc "$batch" "$steps"
    done | tee /dev/stderr
)
"$python" - "$turns" <<'END'
import json, sys
best = {}
for line in sys.argv[1].splitlines():
    turn = json.loads(line)
    best[turn["name"]] = max(best.get(turn["name"], 0), turn["images_per_second"])
ours = best.pop(next(name for name in best if name.startswith("host-train")))
name = max(best, key=best.get)
print(f"host-train {ours:.1f} images/s, {name} {best[name]:.1f}: {ours / best[name]:.2f} times")
END

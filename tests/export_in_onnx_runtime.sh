#!/usr/bin/env bash
# An exported network in ONNX Runtime: ONNX's own checker has no complaint, and embeddings are the same to 1e-4, one and eight at a time.
#
#   PYTHON=python3 tests/export_in_onnx_runtime.sh RUN IMAGE.png
#
# PYTHON needs onnx, onnxruntime, numpy and pillow. A PNG, because decoders of JPEG differ by more than the network's numbers.
set -euo pipefail
cd "$(dirname "$0")/.."
run=$1 image=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
host_train() { cargo run --quiet --locked -p host-train -- "$@"; }
host_train export --model "$run" --onnx "$folder/network.onnx"
host_train embed --model "$run" "$image" --json > "$folder/embedding.json"
"${PYTHON:-python3}" - "$folder" "$image" <<'END'
import json, sys
import numpy, onnx, onnxruntime
from PIL import Image

folder, image = sys.argv[1:]
path = f"{folder}/network.onnx"
onnx.checker.check_model(path, full_check=True)
expected = numpy.array(json.load(open(f"{folder}/embedding.json"))[0]["embedding"], numpy.float32)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
pixels = numpy.asarray(Image.open(image).convert("RGB"), numpy.float32).transpose(2, 0, 1)
for batch in (1, 8):
    (got,) = session.run(None, {"image": numpy.stack([pixels] * batch)})
    apart = abs(got - expected).max() / abs(expected).max()
    print(f"batch {batch}: {apart:.1e} of the largest value apart")
    assert got.shape == (batch, len(expected)) and apart < 1e-4
END

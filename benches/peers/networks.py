"""One float network, made int8 as each peer's own tools do it.

Usage: networks.py F.onnx IMAGES OUT [MEAN,MEAN,MEAN DEVIATION,DEVIATION,DEVIATION]

IMAGES is a tar of aligned faces. Writes to OUT the network in float, as ONNX Runtime's int8 (QDQ, per channel) and as NNCF's int8 for
OpenVINO (both presets), for ncnn in float if `pnnx` is there, and the image to time with the float network's embedding of it.
"""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import nncf
import numpy
import onnx
import onnxruntime
import openvino
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

CALIBRATION = 64


def faces(tar, count, mean, deviation):
    """`count` images from all over the tar, as the network reads them: [1, 3, height, width]."""
    with tarfile.open(tar) as archive:
        members = [m for m in archive.getmembers() if m.name.endswith((".jpg", ".png"))]
        for member in members[:: max(1, len(members) // count)][:count]:
            pixels = Image.open(archive.extractfile(member)).convert("RGB")
            pixels = (numpy.asarray(pixels, numpy.float32) - mean) / deviation
            yield numpy.ascontiguousarray(pixels.transpose(2, 0, 1)[None], numpy.float32)


class Reader(quantization.CalibrationDataReader):
    def __init__(self, name, images):
        self.images = iter({name: image} for image in images)

    def get_next(self):
        return next(self.images, None)


def main(network, tar, out, mean="0,0,0", deviation="1,1,1"):
    out = Path(out)
    numbers = [numpy.array(text.split(","), numpy.float32) for text in (mean, deviation)]
    *images, face = faces(tar, CALIBRATION + 1, *numbers)

    model = onnx.load(network)
    name = model.graph.input[0].name
    for tensor in (model.graph.input[0], model.graph.output[0]):
        tensor.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, out / "float.onnx")
    session = onnxruntime.InferenceSession(out / "float.onnx", providers=["CPUExecutionProvider"])
    numpy.savez(out / "face.npz", face=face, embedding=session.run(None, {name: face})[0])

    quant_pre_process(out / "float.onnx", out / "prepared.onnx", skip_symbolic_shape=True)
    quantization.quantize_static(
        out / "prepared.onnx",
        out / "onnxruntime-int8.onnx",
        Reader(name, images),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    for preset in (nncf.QuantizationPreset.PERFORMANCE, nncf.QuantizationPreset.MIXED):
        float_network = openvino.Core().read_model(out / "float.onnx")
        dataset = nncf.Dataset(images)
        int8 = nncf.quantize(float_network, dataset, preset=preset, subset_size=len(images))
        openvino.save_model(int8, out / f"openvino-int8-{preset.value}.xml")

    if shutil.which("pnnx"):
        shape = ",".join(str(side) for side in face.shape)
        subprocess.run(
            ["pnnx", "float.onnx", f"inputshape=[{shape}]"],
            cwd=out, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )


main(*sys.argv[1:])

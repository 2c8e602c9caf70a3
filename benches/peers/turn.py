"""One peer's turn: a network run some times on one thread.

Usage: turn.py PEER FOLDER RUNS, with the folder that networks.py wrote. Prints the median and the least time of a run in ms, and the
cosine of its embedding to that of the float network. Inputs and outputs are bound before: what is timed is the network alone.
"""

import os
import statistics
import sys
import time

import numpy

WARM_UP = 10


def onnxruntime(path, face):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    image, embedding = session.get_inputs()[0].name, session.get_outputs()[0].name
    binding.bind_ortvalue_input(image, ort.OrtValue.ortvalue_from_numpy(face))
    binding.bind_output(embedding)
    return (lambda: session.run_with_iobinding(binding)), (lambda: binding.copy_outputs_to_cpu()[0])


def openvino(path, face, precision):
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(
        core.read_model(path),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
        },
    )
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(face))
    return request.infer, (lambda: request.get_output_tensor().data)


def ncnn(path, face, bf16):
    import ncnn as library

    net = library.Net()
    net.opt.num_threads = 1
    net.opt.use_bf16_storage = bf16
    net.load_param(f"{path}.param")
    net.load_model(f"{path}.bin")
    image = library.Mat(face[0]).clone()

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", image)
        return extractor.extract("out0")[1]

    return run, (lambda: numpy.array(run()))


PEERS = {
    "onnxruntime-float": lambda face: onnxruntime("float.onnx", face),
    "onnxruntime-int8": lambda face: onnxruntime("onnxruntime-int8.onnx", face),
    "openvino-float": lambda face: openvino("float.onnx", face, "f32"),
    "openvino-bf16": lambda face: openvino("float.onnx", face, "bf16"),
    "openvino-int8": lambda face: openvino("openvino-int8-performance.xml", face, "f32"),
    "openvino-int8-mixed": lambda face: openvino("openvino-int8-mixed.xml", face, "f32"),
    "ncnn-float": lambda face: ncnn("float.ncnn", face, False),
    "ncnn-bf16": lambda face: ncnn("float.ncnn", face, True),
}


def main(peer, folder, runs):
    os.chdir(folder)
    saved = numpy.load("face.npz")
    run, embedding = PEERS[peer](saved["face"])
    for _ in range(WARM_UP):
        run()
    times = []
    for _ in range(int(runs)):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    got, expected = (numpy.asarray(x, float).ravel() for x in (embedding(), saved["embedding"]))
    cosine = got @ expected / numpy.linalg.norm(got) / numpy.linalg.norm(expected)
    print(f"{peer} {statistics.median(times):.4f} {min(times):.4f} {cosine:.4f}")


main(*sys.argv[1:])

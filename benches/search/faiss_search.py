"""Times faiss's search of the closest row, on one thread: int8 as its scalar quantizer stores them (SQ8), and float.

    python faiss_search.py ROWS..          prints NAME ROWS MILLISECONDS, the least of the runs
"""

import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
import faiss
import numpy

LEN = 128
faiss.omp_set_num_threads(1)


def least(search, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        search()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


for rows in map(int, sys.argv[1:]):
    bytes_ = numpy.random.default_rng(0).integers(-127, 128, (rows, LEN), dtype=numpy.int8)
    values = bytes_.astype(numpy.float32)
    probe = values[rows // 2 : rows // 2 + 1]
    sq8 = faiss.IndexScalarQuantizer(LEN, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT)
    flat = faiss.IndexFlatIP(LEN)
    for name, index in [("faiss-sq8", sq8), ("faiss-float", flat)]:
        index.train(values[:1000])
        index.add(values)
        _, found = index.search(probe, 1)
        assert found[0, 0] == rows // 2, (name, found)
        print(name, rows, f"{least(lambda: index.search(probe, 1), 100 if rows < 500_000 else 30):.4f}", flush=True)

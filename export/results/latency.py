"""How long one inference of a model file takes on this machine."""

import statistics
import time

from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile
from edge_infer.runtime.cpus import available_cpus
from edge_infer.runtime.session import Session
from export.conversion.parity import Pixels

_RUNS = 20


def latency_ms(file: ModelFile[ClassifierMetadata], batch_nhwc: Pixels) -> dict[str, float]:
    """Return the median time of one inference, by number of threads: one, and all cores."""
    medians = {}
    for threads in sorted({1, available_cpus()}):
        session = Session(file, threads=threads)
        times = []
        for _ in range(_RUNS):
            started = time.perf_counter()
            session.run(batch_nhwc)
            times.append((time.perf_counter() - started) * 1e3)
        medians[str(threads)] = round(statistics.median(times), 2)
    return medians

"""The report beside a model file: all that was measured of it."""

import platform
from dataclasses import replace
from typing import Any

from edge_infer.runtime.cpus import available_cpus
from export.candidate import Candidate, opened
from export.compared_photos import ComparedPhotos
from export.conversion.convert import with_metadata
from export.conversion.graph import operator_histogram
from export.results.accuracy import accuracy_record
from export.results.latency import latency_ms
from export.results.quality import agreement, measure_answers
from train.metrics import Floats


def measure(
    candidate: Candidate, fp32_answers: Floats, photos: ComparedPhotos, kfold: dict[str, Any] | None
) -> tuple[bytes, dict[str, Any]]:
    """Measure a candidate.

    Args:
        candidate: The model.
        fp32_answers: The fp32 model's probabilities for the photos, `[N, C]`.
        photos: The photos.
        kfold: The run's k-fold, if it has one.

    Returns:
        The bytes of the file, and what its report says besides its name.
    """
    test, metadata = photos.test, candidate.metadata
    measured = measure_answers(candidate.answers[test], photos.targets[test], metadata.labels, candidate.certain[test])
    accuracy = accuracy_record(measured, kfold)
    content = with_metadata(candidate.model, replace(metadata, accuracy=accuracy))
    return content, {
        "bytes": len(content),
        "operators": operator_histogram(candidate.model),
        **candidate.told,
        "agreement_with_fp32": agreement(candidate.answers, fp32_answers),
        "accuracy": accuracy,
        "test": measured,
        "latency_ms": latency_ms(opened(content), photos.pictures[0][None]),
        "machine": f"{platform.machine()}, {available_cpus()} cores",
    }

"""Where the time of one answer goes: decode, resize, faces, infer, post-process."""

from collections.abc import Sequence
from itertools import cycle
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.harness.samples import summarize_ms
from edge_infer import Classifier
from edge_infer.faces.crops import crop_face
from edge_infer.faces.detector import SCENE_SIDE
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.pictures.loading import DRAFT_MARGIN, fit, load_rgb
from edge_infer.results import Prediction, rank
from edge_infer.runtime.session import Session


def measure_stages(model: str, photos: Sequence[str], threads: int, answers: int) -> dict[str, Any]:
    """Time the steps of `Classifier.classify` on files, and the whole call in turn with them.

    Args:
        model: Bundled name or file.
        photos: Taken in turn.
        threads: Threads of one inference.
        answers: How many are timed.

    Returns:
        Summaries in ms of each stage and of `whole`; `share_explained`, the sum of the stages' medians over that of
        the whole: one stall of the machine must not decide it.
    """
    classifier = Classifier(model, threads=threads, second_look="never")
    session = Session(open_model(model, ClassifierMetadata), threads=threads)
    seconds: dict[str, list[float]] = {}
    for number, photo in zip(range(-2, answers), cycle(photos), strict=False):
        stages = _answer_in_steps(photo, classifier, session)
        started = perf_counter()
        classifier.classify(photo)
        stages["whole"] = perf_counter() - started
        if number >= 0:  # two are for warming up
            for stage, taken in stages.items():
                seconds.setdefault(stage, []).append(taken)
    medians = {stage: float(np.median(times)) for stage, times in seconds.items()}
    whole = medians.pop("whole")
    return {
        **{f"{stage}_ms": summarize_ms(times) for stage, times in seconds.items()},
        "share_explained": round(sum(medians.values()) / whole, 3),
    }


def _answer_in_steps(photo: str, classifier: Classifier, session: Session) -> dict[str, float]:
    """Do by hand what `classify` does, and return the seconds of each step."""
    spec, seconds = classifier.metadata.input, {}
    last = perf_counter()

    def note(stage: str) -> None:
        nonlocal last
        now = perf_counter()
        seconds[stage] = now - last
        last = now

    if classifier.detector is None:
        image = load_rgb(photo, needed_side=DRAFT_MARGIN * max(spec.height, spec.width))
        note("decode")
        inputs = [fit(image, spec)]
        note("resize")
    else:
        image = load_rgb(photo, needed_side=SCENE_SIDE)
        note("decode")
        faces = classifier.detector.detect_in(image)
        note("faces")
        inputs = [crop_face(image, face, spec) for face in faces] or [fit(image, spec)]
        note("resize")
    probabilities = session.run(np.stack(inputs)).probabilities
    note("infer")
    meta = classifier.metadata
    for row in probabilities.tolist():
        Prediction(photo, meta.task, meta.name, rank(meta.labels, row), meta.min_score)
    note("post_process")
    return seconds

"""How right a model is on labelled photos, how sure, and how like another: with the product's own answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_infer import Classifier, FailedInput
from export.quality import agreement, measure_answers, score_auroc
from train.data.layout import Part
from train.data.photos import Photo, find_photos
from train.data.splits import load_split
from train.errors import DataError
from train.metrics import Floats
from train.progress import track


def answers_of(classifier: Classifier, paths: Sequence[str | Path]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return a model's probabilities for photos, `float32 [N, C]`, in the order of its labels, and which are certain.

    Raises:
        InputError: A photo cannot be answered.
    """
    position = {label: i for i, label in enumerate(classifier.labels)}
    answers, certain = np.zeros((len(paths), len(position)), np.float32), np.zeros(len(paths), bool)
    results = classifier.classify_many(track(paths, f"Classifying with {classifier.metadata.name}"))
    for number, result in enumerate(results):
        if isinstance(result, FailedInput):
            raise result.error
        for scored in result.scores:
            answers[number, position[scored.label]] = scored.score
        certain[number] = result.is_certain
    return answers, certain


def measure_accuracy(
    classifier: Classifier, photos: Sequence[Photo], other: Sequence[str], reference: Floats | None = None
) -> tuple[dict[str, Any], Floats]:
    """Measure a model on labelled photos.

    Args:
        classifier: The model.
        photos: Labelled photos; their classes must be the model's.
        other: Pictures that show none of the classes; may be empty.
        reference: The probabilities of the model to compare with, for the same photos.

    Returns:
        The record, and the model's own probabilities.

    Raises:
        DataError: A class folder is none of the model's classes.
        InputError: As in `answers_of`.
    """
    if unknown := sorted({photo.label for photo in photos} - set(classifier.labels)):
        raise DataError(f"{classifier.metadata.name} has no class {unknown[0]}: its are {', '.join(classifier.labels)}")
    targets = np.array([classifier.labels.index(photo.label) for photo in photos])
    answers, certain = answers_of(classifier, [photo.path for photo in photos])
    record = measure_answers(answers, targets, classifier.labels, certain)
    if reference is not None:
        record["agreement"] = agreement(answers, reference)
    if other:
        strange, is_certain = answers_of(classifier, other)
        record["other"] = {
            **score_auroc(answers.max(axis=1), strange.max(axis=1)),
            "certain": int(is_certain.sum()),
        }
    return record, answers


def read_photos(folder: Path, split: Path | None, part: Part | None) -> list[Photo]:
    """Find labelled photos, all of them or those of one part.

    Args:
        folder: Class folders, or `train` and `test` with class folders.
        split: A run's `split.json`; None to go by the folders.
        part: The part; None for all.

    Raises:
        DataError: There are no such photos.
    """
    photos = find_photos(folder)
    if part is None:
        return photos
    chosen = (
        [photo for photo in photos if photo.part == part]
        if split is None
        else load_split(split, photos).photos(photos, part)
    )
    if not chosen:
        raise DataError(f"{folder} has no {part} photos: give --split, or a folder with a {part} folder")
    return chosen

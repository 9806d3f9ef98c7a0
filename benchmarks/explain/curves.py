"""Deletion and insertion (Petsiuk, Das, Saenko 2018): does covering what a map points to change the answer?

Pixels are covered, by a blurred copy of the photo, in the order in which a map ranks them, or uncovered from it. A
good map loses the label's probability early and wins it early. The curves' areas are compared with those of random
places, of a blob in the centre, where people put what they photograph, and of the other map that one may think of: how
the best class differs from the second.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from edge_infer import Classifier
from edge_infer.pictures.loading import load_input
from train.progress import track

STEPS = 11  # shares of the pixels covered: 0, 0.1 … 1
RANKINGS = ("map", "difference to the second class", "centred blob", "random")
_BLUR_SHARE = 1 / 12  # of the side
_BLOB_SHARE = 0.25
_RANDOM_CELLS = 16
_RESAMPLES = 2000

Scores = npt.NDArray[np.float64]


def curves(classifier: Classifier, photos: Sequence[Path]) -> dict[str, Any]:
    """Return the mean areas under both curves for each ranking, and the map's lead with its 95 % interval."""
    spec = classifier.metadata.input
    rng = np.random.default_rng(0)
    areas: dict[str, list[tuple[float, float]]] = {name: [] for name in RANKINGS}
    for photo in track(photos, "Covering"):
        picture = load_input(photo, spec)
        explanation = classifier.explain(picture)
        label, second = (score.label for score in explanation.prediction.scores[:2])
        of_best, of_second = classifier.explain(picture, [label, second]).maps
        rankings = {
            "map": explanation.maps[0].on_picture(),
            "difference to the second class": of_best.on_picture() - of_second.on_picture(),
            "centred blob": _blob(picture.shape[:2]),
            "random": _random(picture.shape[:2], rng),
        }
        for name, ranking in rankings.items():
            areas[name].append(_areas(classifier, picture, ranking, label))
    return summarize(areas)


def summarize(areas: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, Any]:
    """Return what `curves` does, given each photo's areas (deletion, insertion) by ranking."""
    by_name = {name: np.array(values) for name, values in areas.items()}
    record: dict[str, Any] = {"photos": len(by_name["map"])}
    for name, values in by_name.items():
        deletion, insertion = values.mean(axis=0).tolist()
        record[name] = {"deletion": deletion, "insertion": insertion, "gap": insertion - deletion}
    gaps = {name: values[:, 1] - values[:, 0] for name, values in by_name.items()}
    for name in RANKINGS[1:]:
        record[name]["map_leads_by_95"] = _interval(gaps["map"] - gaps[name])
    return record


def _areas(
    classifier: Classifier, picture: npt.NDArray[np.uint8], ranking: npt.NDArray[np.floating], label: str
) -> tuple[float, float]:
    side = max(picture.shape[:2])
    blurred = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(side * _BLUR_SHARE)))
    place = np.empty(ranking.size)
    place[np.argsort(-ranking.ravel(), kind="stable")] = np.arange(ranking.size) / ranking.size
    place = place.reshape(*ranking.shape, 1)
    shares = np.linspace(0, 1, STEPS)
    deleted = [np.where(place < share, blurred, picture) for share in shares]
    inserted = [np.where(place < share, picture, blurred) for share in shares]
    answers = (classifier.classify(covered) for covered in (*deleted, *inserted))
    scores = [next(s.score for s in answer.scores if s.label == label) for answer in answers]
    return float(np.trapezoid(scores[:STEPS], shares)), float(np.trapezoid(scores[STEPS:], shares))


def _random(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.floating]:
    cells = Image.fromarray(rng.random((_RANDOM_CELLS, _RANDOM_CELLS), dtype=np.float32))
    return np.asarray(cells.resize(shape[::-1], Image.Resampling.NEAREST))


def _blob(shape: tuple[int, int]) -> npt.NDArray[np.floating]:
    rows, columns = (np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (_BLOB_SHARE * side)) ** 2) for side in shape)
    return np.outer(rows, columns)


def _interval(values: Scores) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean."""
    rng = np.random.default_rng(1)
    means = values[rng.integers(len(values), size=(_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5)).tolist()
    return low, high

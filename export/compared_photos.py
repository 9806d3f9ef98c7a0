"""On which of a run's photos a file is compared, calibrated and measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from export.conversion.parity import BORDER_PHOTOS, Pixels
from train.data.run_data import RunData
from train.imports.finished import ImportedRun
from train.metrics import Floats, Ints
from train.progress import track
from train.runs.finished import FinishedRun

CALIBRATION_PICTURES = 64


@dataclass(frozen=True, slots=True)
class ComparedPhotos:
    """The photos that every candidate answers, and those that int8 is calibrated on.

    Attributes:
        pictures: What the network is shown of the photos, `uint8 [H, W, 3]` each.
        targets: Their class indices, `[N]`.
        held_out: The numbers of those for validation and test.
        test: The numbers of those for test.
        calibration: Pictures of some of the training photos.
        framed: Pictures of the run's first photos, of which those that are hard at the border are made.
        logits: What the network answered when it was imported, `[N, classes]`; None where it must be asked.
    """

    pictures: Sequence[Pixels]
    targets: Ints
    held_out: Ints
    test: Ints
    calibration: Sequence[Pixels]
    framed: Sequence[Pixels]
    logits: Floats | None = None


def compared_photos(run: FinishedRun | ImportedRun, data: RunData) -> ComparedPhotos:
    """Load a run's photos: of a run of ours all are compared, of an imported network those that are held out.

    Most of an import's time goes into answering in fp32, and its training photos tell nothing more.
    """
    train, validation, test = (data.part(part) for part in ("train", "validation", "test"))
    held_out = np.concatenate([validation, test])
    compared = held_out if isinstance(run, ImportedRun) else np.arange(len(data.photos))
    chosen = calibration_numbers(train)
    first = range(min(BORDER_PHOTOS, len(data.photos)))
    needed = sorted({*compared.tolist(), *chosen.tolist(), *first})
    loaded = {number: run.load(data.photos[number]) for number in track(needed, "Loading photos")}
    places = {number: place for place, number in enumerate(compared.tolist())}
    return ComparedPhotos(
        [loaded[number] for number in places],
        data.targets[compared],
        np.array([places[number] for number in held_out.tolist()], np.int64),
        np.array([places[number] for number in test.tolist()], np.int64),
        [loaded[number] for number in chosen.tolist()],
        [loaded[number] for number in first],
        run.answers([data.photos[number] for number in places]) if isinstance(run, ImportedRun) else None,
    )


def calibration_numbers(train: Ints) -> Ints:
    """Return the numbers of the photos that int8 is calibrated on, of those that were trained on."""
    return np.random.default_rng(0).permutation(train)[:CALIBRATION_PICTURES]

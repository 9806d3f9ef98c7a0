"""How far a rebuilt network's answers are from the original's, for every fixture.

    python -m tests.train.imports.comparison benchmarks/results/imports/fixtures.json

writes what the table of docs/bring-your-own.md shows.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.train.imports.models import FIXTURES, PICTURES, SIDE, Saved, save, trained
from train.files import write_json
from train.imports.imported import import_model, network_of, scaled
from train.metrics import softmax

PIXELS = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)
MAX_DIFFERENCE = 1e-5
MAX_DIFFERENCE_OF_HALVES = 2e-3  # the original's own half precision differs by that much


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of one fixture.

    Attributes:
        size: Of its input.
        ending: What it ends in.
        spread: The largest standard deviation of a probability from picture to picture.
        differences: Largest difference of a probability, of the rebuilt network and of the one with scaling.
        same: Pictures with the same answer in both.
    """

    size: tuple[int, int]
    ending: str
    spread: float
    differences: tuple[float, float]
    same: int


def compare(fixture: Saved, folder: Path) -> Comparison:
    """Save a model, ask it as its training code would, and ask what is read of the file."""
    is_bgr = fixture.scaling == "caffe"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both Keras warn of what people do all the same
        model = trained(fixture)
        path, options = save(model, fixture, folder)
        seen = scaled(PIXELS, fixture.scaling, is_bgr=is_bgr)
        is_first = model.input_shape[1] == 3
        outputs = model.predict(np.moveaxis(seen, -1, 1) if is_first else seen, verbose=0)
    expected = np.asarray(outputs[1] if isinstance(outputs, list) else outputs, np.float64)
    if fixture.ending == "sigmoid":
        expected = np.concatenate([1 - expected, expected], axis=1)
    if fixture.ending == "logits":
        expected = softmax(expected)

    imported = import_model(path, **options)
    rebuilt = softmax(imported.core.predict(seen, verbose=0))
    served = softmax(network_of(imported, fixture.scaling, is_bgr=is_bgr).predict(PIXELS, verbose=0))
    answers = [expected.argmax(axis=1), rebuilt.argmax(axis=1), served.argmax(axis=1)]
    return Comparison(
        size=imported.size,
        ending=imported.ending,
        spread=float(expected.std(axis=0).max()),
        differences=(float(np.abs(rebuilt - expected).max()), float(np.abs(served - expected).max())),
        same=int(((answers[0] == answers[1]) & (answers[0] == answers[2])).sum()),
    )


def measure(name: str) -> dict[str, Any]:
    """Compare one fixture; return its row."""
    fixture = FIXTURES[name]
    with TemporaryDirectory() as folder:
        found = compare(fixture, Path(folder))
    return {
        "keras": fixture.version,
        "file": fixture.suffix,
        "scaling": fixture.scaling,
        "ending": found.ending,
        "largest_difference": max(found.differences),
        "same_top1": found.same,
        "pictures": PICTURES,
    }


if __name__ == "__main__":
    write_json(
        Path(sys.argv[1]),
        {
            "command": "python -m tests.train.imports.comparison benchmarks/results/imports/fixtures.json",
            "fixtures": {name: measure(name) for name in FIXTURES},
        },
    )

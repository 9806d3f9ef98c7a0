"""Each pain that importing a Keras model has, in both versions of Keras: does the rebuilt network answer the same?"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.train.imports.models import FIXTURES, PICTURES, SIDE, save, trained
from train.imports.imported import import_model, network_of, scaled
from train.metrics import softmax

pytestmark = pytest.mark.slow

MAX_DIFFERENCE = 1e-5
PIXELS = np.random.default_rng(0).integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize("name", FIXTURES)
def test_the_rebuilt_network_answers_as_the_original(name: str, tmp_path: Path) -> None:
    fixture = FIXTURES[name]
    is_bgr = fixture.scaling == "caffe"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both Keras warn of what people do all the same
        model = trained(fixture)
        path, options = save(model, fixture, tmp_path)
        seen = scaled(PIXELS, fixture.scaling, is_bgr=is_bgr)
        is_first = model.input_shape[1] == 3
        outputs = model.predict(np.moveaxis(seen, -1, 1) if is_first else seen, verbose=0)
    expected = np.asarray(outputs[1] if isinstance(outputs, list) else outputs, np.float64)
    if fixture.ending == "sigmoid":
        expected = np.concatenate([1 - expected, expected], axis=1)
    if fixture.ending == "logits":
        expected = softmax(expected)

    imported = import_model(path, **options)
    answers = softmax(imported.core.predict(seen, verbose=0))
    served = softmax(network_of(imported, fixture.scaling, is_bgr=is_bgr).predict(PIXELS, verbose=0))

    assert imported.size == (SIDE, SIDE)
    assert imported.ending == fixture.ending
    assert expected.std(axis=0).max() > 1e-3  # the answers do depend on the picture
    tolerance = 2e-3 if "mixed" in name else MAX_DIFFERENCE  # the original's own halves differ by that much
    for answer in (answers, served):
        assert np.abs(answer - expected).max() < tolerance
        assert (answer.argmax(axis=1) == expected.argmax(axis=1)).all()

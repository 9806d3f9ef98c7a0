"""Each pain that importing a Keras model has, in both versions of Keras: does the rebuilt network answer the same?"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import numpy as np
import pytest

from tests.train.imports.comparison import MAX_DIFFERENCE, MAX_DIFFERENCE_OF_HALVES, compare
from tests.train.imports.models import CLASSES, FIXTURES, PICTURES, SIDE, Saved, named_outputs, save, trained
from train.errors import KerasFileError
from train.files import read_json
from train.imports.imported import import_model, scales_by_itself

KEPT = Path(__file__).parents[3] / "benchmarks" / "results" / "imports" / "fixtures.json"


def allowed(name: str) -> float:
    return MAX_DIFFERENCE_OF_HALVES if "mixed" in name else MAX_DIFFERENCE


@pytest.mark.slow
@pytest.mark.parametrize("name", FIXTURES)
def test_the_rebuilt_network_answers_as_the_original(name: str, tmp_path: Path) -> None:
    fixture = FIXTURES[name]
    found = compare(fixture, tmp_path)

    assert found.size == (SIDE, SIDE)
    assert found.ending == fixture.ending
    assert found.spread > 1e-3  # the answers do depend on the picture
    assert max(found.differences) < allowed(name)
    assert found.same == PICTURES


def test_the_page_shows_every_fixture_as_it_is() -> None:
    kept = read_json(KEPT, "fixtures")["fixtures"]
    assert list(kept) == list(FIXTURES)
    for name, fixture in FIXTURES.items():
        row = kept[name]
        assert (row["keras"], row["file"], row["scaling"], row["ending"]) == (
            *(fixture.version, fixture.suffix, fixture.scaling, fixture.ending),
        )
        assert row["largest_difference"] < allowed(name)
        assert row["same_top1"] == row["pictures"] == PICTURES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flat, Keras 2", False),
        ("frozen nested VGG16, Keras 3", False),
        ("mobile blocks, Keras 3", False),
        ("augmentation inside, Keras 3", True),
        ("adapted Normalization, Keras 2", True),
        ("preprocess_input inside, Keras 3", True),
    ],
)
def test_a_network_that_scales_pixels_itself_is_told_from_others(name: str, expected: bool, tmp_path: Path) -> None:
    fixture = FIXTURES[name]
    path, options = save(trained(fixture), fixture, tmp_path)
    assert scales_by_itself(import_model(path, **options).core) is expected


@pytest.mark.slow
def test_an_output_goes_by_its_name_or_by_its_layer(tmp_path: Path) -> None:
    fixture = Saved(named_outputs, 3, ".keras")
    path, _ = save(trained(fixture), fixture, tmp_path)
    pixels = np.random.default_rng(0).uniform(0, 1, (4, SIDE, SIDE, 3)).astype(np.float32)
    by_name, by_layer = (import_model(path, output=name).core.predict(pixels, verbose=0) for name in ("sort", "kind"))
    assert by_name.shape == (4, CLASSES)
    assert np.array_equal(by_name, by_layer)
    with pytest.raises(KerasFileError, match=r"has several outputs, heft, sort: give the one that answers"):
        import_model(path)
    with pytest.raises(KerasFileError, match=r"has no output 'dense': --output takes one of heft, sort$"):
        import_model(path, output="dense")

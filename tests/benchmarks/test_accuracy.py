import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from benchmarks import accuracy
from benchmarks.quality.model_accuracy import read_photos
from tests.conftest import drawn
from tests.support.tiny_model import COLOURS, METADATA, tiny_model
from train.data.photos import find_photos
from train.data.splits import Split
from train.errors import DataError

CLASSES = ("blue", "green", "red")
Run = Callable[..., Result]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four pictures of each of three colours; one red one is in the blue folder."""
    for name in CLASSES:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for seed in range(4):
            colour = "red" if (name, seed) == ("blue", 3) else name
            drawn(COLOURS[colour], seed=seed + 10 * CLASSES.index(name)).save(
                tmp_path / "photos" / name / f"{seed}.png"
            )
    return tmp_path / "photos"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda *arguments: CliRunner().invoke(
        accuracy.main, [*map(str, arguments), "--json", str(tmp_path / "result.json")]
    )


def test_a_model_is_measured_over_a_labelled_folder(
    run: Run, photos: Path, tmp_path: Path, tiny_model_path: Path
) -> None:
    done = run(tiny_model_path, "--photos", photos)
    record = json.loads((tmp_path / "result.json").read_text())["models"]["colours"]
    assert (record["right"], record["photos"]) == (11, 12)
    assert (record["file"], record["bytes"]) == ("colours.onnx", tiny_model_path.stat().st_size)
    assert record["per_class"]["blue"]["recall"] == 0.75
    assert "right:                 11/12, 91.7% (64.6%-98.5%)" in done.stdout
    assert "agreement" not in record


def test_other_models_are_compared_with_the_first(
    run: Run, photos: Path, tmp_path: Path, tiny_model_path: Path
) -> None:
    centres = np.array(list(COLOURS.values()), np.float32)
    order = list(COLOURS)
    centres[[order.index("blue"), order.index("green")]] = centres[[order.index("green"), order.index("blue")]]
    swapped = tmp_path / "swapped.onnx"
    swapped.write_bytes(tiny_model(replace(METADATA, name="swapped"), centres).SerializeToString())
    done = run(tiny_model_path, swapped, "--photos", photos)
    record = json.loads((tmp_path / "result.json").read_text())["models"]["swapped"]
    assert (record["agreement"]["count"], record["agreement"]["of"]) == (5, 12)  # the red ones, one among the blue
    assert "as the first model:" in done.stdout


def test_pictures_of_other_things_are_told_apart_by_the_score(
    run: Run, photos: Path, tmp_path: Path, tiny_model_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    for seed in range(5):  # between brown and orange
        drawn((185, 110, 35), seed=seed).save(tmp_path / "other" / f"{seed}.png")
    done = run(tiny_model_path, "--photos", photos, "--other", tmp_path / "other")
    other = json.loads((tmp_path / "result.json").read_text())["models"]["colours"]["other"]
    assert (other["auroc"], other["pictures"]) == (1.0, 5)
    assert "AUROC, other pictures:  1.000 (" in done.stdout


def test_a_folder_without_other_pictures_is_an_error(
    run: Run, photos: Path, tmp_path: Path, tiny_model_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    done = run(tiny_model_path, "--photos", photos, "--other", tmp_path / "other")
    assert isinstance(done.exception, DataError)
    assert str(done.exception) == f"{tmp_path / 'other'} holds no pictures: add some, or leave --other out"


def test_a_part_is_that_of_the_split_or_of_the_folder(photos: Path, tmp_path: Path) -> None:
    found = find_photos(photos)
    Split({photo.sha256: "test" if photo.label == "red" else "train" for photo in found}).save(tmp_path / "split.json")
    assert {photo.label for photo in read_photos(photos, tmp_path / "split.json", "test")} == {"red"}
    with pytest.raises(DataError, match="has no test photos: give --split"):
        read_photos(photos, None, "test")
    (tmp_path / "parted").mkdir()
    photos.rename(tmp_path / "parted" / "train")
    assert len(read_photos(tmp_path / "parted", None, None)) == 12


def test_a_folder_that_is_no_class_of_the_model_is_an_error(run: Run, photos: Path, tiny_model_path: Path) -> None:
    (photos / "red").rename(photos / "ruby")
    done = run(tiny_model_path, "--photos", photos)
    assert isinstance(done.exception, DataError)
    assert "colours has no class ruby: its are black, blue" in str(done.exception)


def test_a_split_needs_a_part(run: Run, photos: Path, tiny_model_path: Path) -> None:
    done = run(tiny_model_path, "--photos", photos, "--split", tiny_model_path)
    assert (done.exit_code, "--split needs --part" in done.output) == (2, True)


def test_faces_always_for_a_model_that_looks_for_none_is_one_line(
    run: Run, photos: Path, tiny_model_path: Path
) -> None:
    done = run(tiny_model_path, "--photos", photos, "--faces", "always")
    assert done.exit_code == 2
    assert "Error: model 'colours' was not made for faces, so faces='always' does not fit it" in done.output

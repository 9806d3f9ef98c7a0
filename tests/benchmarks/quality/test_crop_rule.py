"""Crop rules are measured on drawn faces; random weights make the figures of rules mean nothing."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from benchmarks.harness.machine import NotMeasuredError
from benchmarks.quality import crop_rule
from edge_infer.faces.detector import SCENE_SIDE
from edge_infer.model_file.metadata import FaceCrop
from tests.train.conftest import photo
from train.files import read_json

COLOURS = {"man": (1.0, 0.8, 0.6), "woman": (0.6, 0.8, 1.0)}


def write_crops(folder: Path, count: int) -> Path:
    """Write drawn faces, of one colour a class and each at another place."""
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            left, top = 15 * (number % 3), 40 * (number // 3)
            pixels = np.asarray(picture_with_faces((150, 200), [(20 + left, 10 + top, 90 + 8 * number)]))
            Image.fromarray((pixels * colour).astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


def test_margins_are_those_of_the_scene_that_the_face_is_found_in(tmp_path: Path) -> None:
    drawn = picture_with_faces((320, 320), [(90, 80, 140)])
    drawn.save(tmp_path / "small.png")
    drawn.resize((2 * SCENE_SIDE,) * 2).save(tmp_path / "large.jpg")  # decoded at half its size
    small, large = (crop_rule.margins([photo(tmp_path / name)]) for name in ("small.png", "large.jpg"))
    for side in ("left", "right", "top", "bottom"):
        assert 0.4 < small[side][1] < 1.5
        assert large[side][1] == pytest.approx(small[side][1], abs=0.1)


def test_without_a_face_there_are_no_margins(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    with pytest.raises(NotMeasuredError, match=r"^no crop shows a face$"):
        crop_rule.margins([photo(tmp_path / "black.png")])


def test_a_rule_is_measured_on_held_out_crops_and_on_portraits(
    tmp_path: Path, random_weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crop_rule, "resolve_weights", lambda _: random_weights)
    monkeypatch.setattr(crop_rule, "default_cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(crop_rule, "RULES", (FaceCrop(0.1, upright=True),))
    faces, out = write_crops(tmp_path / "faces", 5), tmp_path / "out.json"
    done = CliRunner().invoke(crop_rule.main, [str(faces), "--portraits", str(faces), "--json", str(out)])
    assert done.exception is None
    found = read_json(out)
    assert (found["crops"], found["faces"]) == (10, 10)
    (row,) = found["rules"]
    assert (row["margin"], row["upright"], row["portraits"], row["right"]) == (0.1, True, 10, 10)
    assert row["kfold"] == 1.0  # colours are told apart by any weights
    assert 0 < row["log_loss"] < 0.5

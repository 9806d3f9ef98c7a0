"""The measures of explanations on a small model: what they count, and that they can fail."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks.explain.__main__ import main
from benchmarks.explain.completeness import completeness
from benchmarks.explain.curves import curves, summarize
from benchmarks.explain.scenes import SCENE_PX, compose, scenes
from benchmarks.pages.tables.explain import explain_table
from edge_infer import Classifier
from edge_infer.explaining.explanation import ClassMap
from tests.support.pooled_model import coloured_pictures, write_pooled_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pooled_model(tmp_path_factory.mktemp("model") / "small.onnx", min_known=0.5)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number, picture in enumerate(coloured_pictures(6)):
        place = folder / ("amber", "beryl")[number % 2]
        place.mkdir(exist_ok=True)
        Image.fromarray(picture).save(place / f"{number}.png")
    return folder


def paths(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.png"))


def test_completeness_sees_what_is_missing(model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = completeness(Classifier(model, threads=1), paths(photos))
    assert (found["photos"], found["maps"], found["known_maps"]) == (6, 18, 6)
    assert 0 <= found["largest_error"] < 1e-4
    assert 0 <= found["largest_error_of_known"] < 1e-3
    on_picture = ClassMap.on_picture
    monkeypatch.setattr(ClassMap, "on_picture", lambda self: on_picture(self) + np.float32(0.5 / 64 / 48))
    assert completeness(Classifier(model, threads=1), paths(photos))["largest_error"] == pytest.approx(0.5, abs=1e-3)


def test_curves_compare_the_map_with_random_places_and_a_blob(model: Path, photos: Path) -> None:
    found = curves(Classifier(model, threads=1), paths(photos)[:2])
    assert found["photos"] == 2
    for name in ("map", "difference to the second class", "centred blob", "random"):
        assert 0 < found[name]["deletion"] < 1
        assert found[name]["gap"] == pytest.approx(found[name]["insertion"] - found[name]["deletion"])
    assert found["map"]["gap"] != found["difference to the second class"]["gap"]
    assert "map_leads_by_95" not in found["map"]


def test_the_lead_is_paired_by_photo() -> None:
    better = [(0.2, 0.6), (0.5, 0.9), (0.1, 0.5)]
    worse = [(deletion + 0.1, insertion - 0.1) for deletion, insertion in better]
    second = "difference to the second class"
    found = summarize({"map": better, second: worse, "centred blob": better, "random": worse})
    assert found["random"]["map_leads_by_95"] == pytest.approx((0.2, 0.2))
    assert found["centred blob"]["map_leads_by_95"] == pytest.approx((0, 0))
    assert found["map"]["gap"] == pytest.approx(0.4)


def test_a_stone_lies_where_the_scene_says() -> None:
    stone, background = Image.new("RGB", (30, 20), (200, 30, 40)), Image.new("RGB", (70, 90), (10, 20, 30))
    rng = np.random.default_rng(2)
    boxes = set()
    for share in (0.35, 0.5):
        scene, box = compose(stone, background, share, rng)
        pixels = np.asarray(scene)
        left, top, right, bottom = box
        assert scene.size == (SCENE_PX, SCENE_PX)
        assert right - left == bottom - top == round(SCENE_PX * share)
        assert (pixels[top:bottom, left:right] == (200, 30, 40)).all()
        assert (pixels == (200, 30, 40)).all(axis=-1).sum() == (right - left) ** 2
        boxes.add(box)
    assert len(boxes) == 2


def test_scenes_are_counted_by_share_and_by_answer(model: Path, photos: Path) -> None:
    found = scenes(Classifier(model, threads=1), paths(photos), paths(photos))
    assert [found[name]["scenes"] for name in ("all", "0.35", "0.5")] == [36, 18, 18]
    assert found["all"]["on_stone"] == found["0.35"]["on_stone"] + found["0.5"]["on_stone"]
    assert found["all"]["share"] == found["all"]["on_stone"] / 36
    assert found["all"]["answered_right_on_stone"] <= found["all"]["answered_right"] <= 36


def test_the_command_keeps_what_is_not_measured_again(model: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "explain.json"
    common = ["--model", str(model), "--photos", str(photos), "--json", str(out)]
    for part in ("times", "completeness"):
        result = CliRunner().invoke(main, [*common, "--part", part, "--rounds", "2"])
        assert result.exit_code == 0, result.output
    parts = json.loads(out.read_text())["parts"]
    assert set(parts) == {"times", "completeness"}
    assert parts["times"]["figures"]["ratio_p50"] > 0
    assert parts["times"]["model"] == "small 1.0.0 fp32"
    assert list(parts["completeness"]["figures"]) == ["small fp32"]
    text = explain_table(parts)
    assert text.count("\n") == 4
    assert "18 maps of 6 photos, small fp32" in text
    assert f"| {parts['times']['figures']['ratio_p50']:.2f} | at most 1.5 |" in text

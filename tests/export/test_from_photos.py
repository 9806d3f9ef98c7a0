"""Photos to a slim int8 model in one go: every step's artefact, the file, and what happens the second time."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import export.from_photos
import export.pipeline
from edge_infer import Classifier
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.golden import largest_difference
from export.errors import OutputExistsError
from export.for_latency import Found
from export.from_photos import found_once, from_photos, right_elsewhere
from tests.conftest import drawn
from tests.support.small_runs import coarsely
from train.data.dataset import Dataset
from train.data.duplicates import Fingerprint, fingerprint
from train.data.photos import Photo, find_photos, sha256_file
from train.errors import GoalError, RunFolderError
from train.files import read_json
from train.recipes import RECIPES, CachedViews, Recipe
from train.runs.finished import load_run
from train.runs.slim_folder import SlimFolder
from train.slim.goal import Goal
from train.slim.pipeline import slim

OPTIONS = {"unlabelled": (), "mixed_precision": False, "speedup": 4.0}


@pytest.fixture(scope="module")
def settings(cached_recipe: Recipe, one_repeat: None) -> Iterator[None]:
    """The command's own settings, in small."""
    with coarsely(), pytest.MonkeyPatch.context() as patch:
        recipe = replace(RECIPES["custom"], image_size=cached_recipe.image_size, schedule=CachedViews(views=2))
        patch.setitem(export.from_photos.RECIPES, "custom", recipe)
        # Random weights bear no larger steps, and what they tell apart is too little for int8.
        patch.setattr(export.from_photos, "export", partial(export.pipeline.export, max_drop=1.0))
        patch.setattr(export.from_photos, "SETTINGS", replace(export.from_photos.SETTINGS, views=2, learning_rate=1e-6))
        yield


@pytest.fixture(scope="module")
def looked_at() -> Iterator[dict[str, Counter[Path]]]:
    """How often each photo is hashed, and fingerprinted for duplicates, from here on."""
    counts: dict[str, Counter[Path]] = {"hashed": Counter(), "fingerprinted": Counter()}

    def counting_sha256(path: Path) -> str:
        counts["hashed"][path] += 1
        return sha256_file(path)

    def counting_fingerprint(photo: Photo) -> Fingerprint:
        counts["fingerprinted"][photo.path] += 1
        return fingerprint(photo)

    with pytest.MonkeyPatch.context() as patch:
        for module in ("photos", "elsewhere"):
            patch.setattr(f"train.data.{module}.sha256_file", counting_sha256)
        patch.setattr("train.data.duplicates.fingerprint", counting_fingerprint)
        yield counts


@pytest.fixture(scope="module")
def once(folder: Path, looked_at: dict[str, Counter[Path]]) -> dict[str, Counter[Path]]:
    """How often the photos were looked at while `folder` was made."""
    return {what: counts.copy() for what, counts in looked_at.items()}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, ...]]:
    """Labelled photos of six other people, and four pictures of none of the classes."""
    more, others = tmp_path_factory.mktemp("more"), tmp_path_factory.mktemp("others")
    for source in range(6):
        for label, colour in (("blue", (0, 0, 200)), ("green", (0, 200, 0)), ("red", (200, 0, 0))):
            file = more / label / f"{source}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            drawn(colour, seed=100 + source).save(file)
    strange = {"jade": (0, 200, 200), "topaz": (200, 200, 0), "ruby": (200, 0, 200), "slate": (90, 90, 90)}
    for number, (kind, colour) in enumerate(strange.items()):
        file = others / kind / "1.png"
        file.parent.mkdir(parents=True)
        drawn(colour, seed=200 + number).save(file)
    return {"more": (more,), "others": (others,)}


@pytest.fixture(scope="module")
def make(
    settings: None, photos: Path, elsewhere: dict[str, tuple[Path, ...]], random_weights: str
) -> Callable[..., dict[str, Any]]:
    """Make a model file of the photos, as the command does."""
    return partial(from_photos, photos, weights=random_weights, **{**OPTIONS, **elsewhere})


@pytest.fixture(scope="module")
def folder(
    make: Callable[..., dict[str, Any]], looked_at: dict[str, Counter[Path]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with `my.onnx`, its report and the work folder."""
    out = tmp_path_factory.mktemp("from-photos")
    make(out / "my.onnx", out / "work", cache=out / "cache")
    return out


def test_each_photo_is_hashed_and_fingerprinted_once(
    once: dict[str, Counter[Path]], photos: Path, elsewhere: dict[str, tuple[Path, ...]]
):
    folders = (photos, *elsewhere["more"], *elsewhere["others"])
    paths = [path for folder in folders for path in sorted(folder.rglob("*.png"))]
    assert len(paths) == 24 + 18 + 4
    assert once == {"hashed": Counter(paths), "fingerprinted": Counter(paths)}


def test_the_file_answers_as_its_report_says(folder: Path, photos: Path):
    classifier = Classifier(folder / "my.onnx")
    assert (classifier.metadata.name, classifier.metadata.precision) == ("my", "int8")
    assert "slimmed to " in classifier.metadata.architecture
    assert classifier.metadata.second_look == 0.5
    slim = load_run(folder / "work" / "slim")
    test = slim.split.photos(find_photos(photos), "test")
    right = sum(classifier.classify(photo.path).label == photo.label for photo in test)
    report = json.loads((folder / "my.json").read_text())
    assert report["accuracy"]["test"] == classifier.metadata.accuracy["test"]
    assert (report["accuracy"]["test"]["right"], report["accuracy"]["test"]["photos"]) == (right, len(test))


def test_the_file_carries_its_golden_answers(folder: Path):
    file = open_model(folder / "my.onnx", ClassifierMetadata)
    assert len(file.metadata.golden) == 4
    assert largest_difference(file, file.metadata.golden) < 1e-3


def test_the_report_says_what_slimming_cost(folder: Path):
    report = json.loads((folder / "my.json").read_text())
    full, slim = (read_json(folder / "work" / name / "metrics.json") for name in ("full", "slim"))
    assert report["file"] == "my.onnx"
    assert report["bytes"] == (folder / "my.onnx").stat().st_size
    assert report["right"] == {"full": full["kfold"]["mean_accuracy"], "slim": slim["kfold"]["mean_accuracy"]}
    assert report["right"]["slim"] >= 0.7  # by chance a third
    assert sorted(path.name for path in (folder / "work").iterdir()) == ["full", "slim"]


def test_the_slim_network_has_fewer_channels(folder: Path):
    slim, full = load_run(folder / "work" / "slim"), load_run(folder / "work" / "full")
    assert slim.metrics["slim"]["speedup"] >= 4
    assert len(slim.recipe.widths) == 13
    assert all(width % 16 == 0 for width in slim.recipe.widths)
    kernel, _ = slim.network.get_layer("vgg16").get_layer("block4_conv3").get_weights()
    assert kernel.shape == (3, 3, slim.recipe.widths[8], slim.recipe.widths[9])
    assert slim.network.get_layer("vgg16").get_layer("block1_conv1").strides == (2, 2)
    assert slim.network.count_params() < full.network.count_params() / 3


def test_photos_from_elsewhere_and_strangers_go_along(folder: Path):
    full, slim = (read_json(folder / "work" / name / "metrics.json") for name in ("full", "slim"))
    assert full["elsewhere"]["photos"] == slim["elsewhere"]["photos"] == 18
    assert read_json(folder / "my.json")["right_elsewhere"] == {
        name: run["elsewhere"]["accuracy"] for name, run in (("full", full), ("slim", slim))
    }
    assert (slim["strangers"]["pictures"], slim["strangers"]["kinds"]) == (4, 4)


def test_without_photos_from_elsewhere_nothing_is_said_of_them():
    assert right_elsewhere({"elsewhere": None}, {"elsewhere": None}) is None


def test_an_existing_file_is_kept(folder: Path, make: Callable[..., dict[str, Any]]):
    with pytest.raises(OutputExistsError, match=r"my\.onnx exists: remove it, or give another --out"):
        make(folder / "my.onnx", folder / "work", cache=folder / "cache")


def test_a_speedup_that_cannot_be_reached_is_told_before_the_training(settings: None, photos: Path, tmp_path: Path):
    options = {**OPTIONS, "speedup": 128.0}
    with pytest.raises(GoalError, match="give --speedup 127 or less"):
        from_photos(photos, tmp_path / "my.onnx", tmp_path / "work", weights="any", cache=tmp_path, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_fast", [False, True])
def test_a_new_run_computes_as_the_processor_is_made(
    settings: None, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_fast: bool
):
    def stop(recipe: Recipe, *_: object, **__: object) -> None:
        raise RuntimeError(f"mixed precision: {recipe.mixed_precision}")

    monkeypatch.setattr(export.from_photos, "has_fast_bfloat16", lambda: is_fast)
    monkeypatch.setattr(export.from_photos, "train", stop)
    options = {**OPTIONS, "mixed_precision": None}
    with pytest.raises(RuntimeError, match=f"mixed precision: {is_fast}"):
        from_photos(photos, tmp_path / "my.onnx", tmp_path / "work", weights="any", cache=tmp_path, **options)


def test_the_work_folder_is_not_worked_on_again(
    folder: Path, make: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nor, on another processor, in another precision than it began with."""
    monkeypatch.setattr(export.from_photos, "has_fast_bfloat16", lambda: True)
    make(tmp_path / "my.onnx", folder / "work", cache=tmp_path / "empty", mixed_precision=None)
    assert (tmp_path / "my.onnx").read_bytes() == (folder / "my.onnx").read_bytes()
    assert not list((tmp_path / "empty").glob("features/*/*"))


def test_a_slim_run_is_not_slimmed_again(
    folder: Path, photos: Path, elsewhere: dict[str, tuple[Path, ...]], tmp_path: Path
):
    def again(name: str, out: Path, *, resume: bool = False) -> None:
        slim(
            load_run(folder / "work" / name),
            Dataset(photos, **elsewhere),
            SlimFolder(out),
            Goal(speedup=2),
            settings=export.from_photos.SETTINGS,
            resume=resume,
            mixed_precision=False,
            cache=tmp_path,
        )

    with pytest.raises(RunFolderError, match="is slim already: give the run that it was made from"):
        again("slim", tmp_path / "again")
    with pytest.raises(RunFolderError, match="exists: give a new folder, or --resume"):
        again("full", folder / "work" / "slim")
    with pytest.raises(RunFolderError, match="was started with other settings"):
        again("full", folder / "work" / "slim", resume=True)


def test_a_run_that_goes_on_keeps_the_speedup_that_was_timed(tmp_path: Path):
    timed = iter([Found(8.0, 2.0), Found(9.0, 1.9)])
    path = tmp_path / "speedup.json"
    assert [found_once(path, 2.0, lambda: next(timed)) for _ in range(2)] == [8.0, 8.0]
    assert found_once(path, 1.9, lambda: next(timed)) == 9.0
    assert read_json(path) == {"for_latency_ms": 1.9, "speedup": 9.0, "ms": 1.9}

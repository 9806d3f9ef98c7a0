"""Run folders: artefacts whole or absent, and never another run's."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.train.conftest import write_photos
from train.data.dataset import Dataset
from train.errors import RunFolderError
from train.files import read_json
from train.recipes import RECIPES
from train.runs.folder import DATA, RECIPE, RunFolder


def test_a_folder_is_created_only_when_the_run_starts(tmp_path: Path):
    run = RunFolder.begin(tmp_path / "new" / "run", RECIPES["custom"])
    assert list(tmp_path.iterdir()) == []
    run.start(RECIPES["custom"], Dataset(tmp_path / "photos"), "imagenet")
    assert sorted(path.name for path in run.path.iterdir()) == [DATA, RECIPE]
    assert read_json(run.path / DATA) == {"data": str(tmp_path / "photos"), "test": None, "base_weights": "imagenet"}
    assert read_json(run.path / RECIPE)["head"] == {
        "taps": ["block4_conv3", "block5_conv3"],
        "inverse_l2": 0.03,
        "grid": 1,
        "pooling": "energy",
        "balance": 0.5,
        "known": {"inverse_l2": 0.01, "stranger_views": 3, "part_weights": {}, "min_score": 0.75, "kept": 0.909},
    }


def test_an_existing_folder_needs_resume(tmp_path: Path):
    with pytest.raises(RunFolderError, match="exists: give a new folder, or --resume to finish that run"):
        RunFolder.begin(tmp_path, RECIPES["custom"])


def test_a_run_is_resumed_with_the_same_base_weights_only(tmp_path: Path):
    run = RunFolder.begin(tmp_path / "run", RECIPES["custom"])
    run.start(RECIPES["custom"], Dataset(tmp_path), "imagenet")
    run.start(RECIPES["custom"], Dataset(tmp_path), "imagenet")
    with pytest.raises(RunFolderError, match="was started with other base weights: resume with those"):
        run.start(RECIPES["custom"], Dataset(tmp_path), "1234")


def test_a_run_is_resumed_with_the_same_pictures_from_elsewhere_only(tmp_path: Path):
    own = write_photos(tmp_path / "photos", count=5)
    more = write_photos(tmp_path / "more", count=2, seed=20)
    run = RunFolder.begin(tmp_path / "run", RECIPES["custom"])
    run.start(RECIPES["custom"], Dataset(own, unlabelled=["faces/*.jpg"], more=[more]), "imagenet")
    assert read_json(run.path / DATA)["unlabelled"] == ["faces/*.jpg"]
    run.start(RECIPES["custom"], Dataset(own, more=[more]), "imagenet")
    (more / "red" / "red_1.png").unlink()
    with pytest.raises(
        RunFolderError, match=r"^the pictures of --more and --others are not those that .*run was started"
    ):
        run.start(RECIPES["custom"], Dataset(own, more=[more]), "imagenet")
    with pytest.raises(RunFolderError, match="was started with another --more or --others: resume with those"):
        run.start(RECIPES["custom"], Dataset(own), "imagenet")


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_is_resumed_with_the_same_recipe_only(tmp_path: Path, name: str):
    RunFolder.begin(tmp_path / "run", RECIPES[name]).start(RECIPES[name], Dataset(tmp_path), "imagenet")
    assert RunFolder.begin(tmp_path / "run", RECIPES[name], resume=True).path == tmp_path / "run"
    with pytest.raises(RunFolderError, match="run was started with other settings"):
        RunFolder.begin(tmp_path / "run", replace(RECIPES[name], seed=99), resume=True)


def test_a_folder_or_file_that_is_no_run_cannot_be_resumed(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder"):
        with pytest.raises(
            RunFolderError, match=rf"{name}/recipe\.json is missing: .*{name} is not a finished run folder"
        ):
            RunFolder.begin(tmp_path / name, RECIPES["custom"], resume=True)
    assert (tmp_path / "file").read_text() == "mine"

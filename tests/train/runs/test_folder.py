"""Run folders: artefacts whole or absent, and never another run's."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train.errors import RunFolderError
from train.recipes import RECIPES
from train.runs.folder import DATA, RECIPE, RunFolder, read_json, write_atomic, write_json


def test_a_folder_is_created_only_when_the_run_starts(tmp_path: Path):
    run = RunFolder(tmp_path / "new" / "run", RECIPES["custom"])
    assert list(tmp_path.iterdir()) == []
    run.start(tmp_path / "photos", None, "imagenet")
    assert sorted(path.name for path in run.path.iterdir()) == [DATA, RECIPE]
    assert read_json(run.path / DATA) == {"data": str(tmp_path / "photos"), "test": None, "base_weights": "imagenet"}
    assert read_json(run.path / RECIPE)["head"] == {
        "taps": ["block4_conv3", "block5_conv3"],
        "inverse_l2": 0.1,
        "grid": 1,
        "familiarity": True,
    }


def test_an_existing_folder_needs_resume(tmp_path: Path):
    with pytest.raises(RunFolderError, match="exists: give a new folder, or --resume to finish that run"):
        RunFolder(tmp_path, RECIPES["custom"])


def test_a_run_is_resumed_with_the_same_base_weights_only(tmp_path: Path):
    run = RunFolder(tmp_path / "run", RECIPES["custom"])
    run.start(tmp_path, None, "imagenet")
    run.start(tmp_path, None, "imagenet")
    with pytest.raises(RunFolderError, match="was started with other base weights: resume with those"):
        run.start(tmp_path, None, "1234")


@pytest.mark.parametrize("name", RECIPES)
def test_a_run_is_resumed_with_the_same_recipe_only(tmp_path: Path, name: str):
    RunFolder(tmp_path / "run", RECIPES[name]).start(tmp_path, None, "imagenet")
    assert RunFolder(tmp_path / "run", RECIPES[name], resume=True).path == tmp_path / "run"
    with pytest.raises(RunFolderError, match="run was started with other settings"):
        RunFolder(tmp_path / "run", replace(RECIPES[name], seed=99), resume=True)


def test_a_folder_or_file_that_is_no_run_cannot_be_resumed(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder"):
        with pytest.raises(
            RunFolderError, match=rf"{name}/recipe\.json is missing: .*{name} is no finished run folder"
        ):
            RunFolder(tmp_path / name, RECIPES["custom"], resume=True)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(("text", "reason"), [("{", "Expecting"), ("[1]", "not a JSON object")])
def test_damaged_json_is_named(tmp_path: Path, text: str, reason: str):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(RunFolderError, match=rf"metrics\.json is damaged: .*{reason}"):
        read_json(tmp_path / "metrics.json")


def test_a_missing_key_is_named(tmp_path: Path):
    write_json(tmp_path / "split.json", {"digest": "1"})
    with pytest.raises(RunFolderError, match=r"split\.json is damaged: it lacks parts"):
        read_json(tmp_path / "split.json", "digest", "parts")


def test_numpy_values_are_written_as_plain_json(tmp_path: Path):
    write_json(tmp_path / "x.json", {"é": np.float64(0.5), "n": np.int64(3), "rows": np.array([[1, 2]])})
    assert (tmp_path / "x.json").read_text(encoding="utf-8").startswith('{\n "é": 0.5,\n "n": 3,')
    assert read_json(tmp_path / "x.json") == {"é": 0.5, "n": 3, "rows": [[1, 2]]}


def test_what_json_cannot_say_is_refused_and_the_old_file_kept(tmp_path: Path):
    write_json(tmp_path / "x.json", {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"new": float("nan")})
    with pytest.raises(TypeError, match="set is not JSON"):
        write_json(tmp_path / "x.json", {"new": {1}})
    assert json.loads((tmp_path / "x.json").read_text()) == {"old": 1}


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    (tmp_path / "net.weights.h5").write_text("old")

    def write_half(path: Path) -> None:
        assert path.name.endswith("net.weights.h5")
        path.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "net.weights.h5", write_half)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("net.weights.h5", "old")]

"""A kept run says by which command it was made, without a path of this machine."""

from pathlib import Path

import pytest

from benchmarks.quality import keep_runs
from train.files import read_json, write_json
from train.runs.folder import DATA, HISTORY, METRICS, RECIPE
from train.runs.slim_folder import SETTINGS


def test_the_command_names_the_folders_of_photos_and_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "mine"
    run.mkdir()
    recipe = {"name": "gems", "preprocessing": "caffe", "seed": 1, "mixed_precision": True}
    recipe |= {"fine_tune": None, "widths": None}
    photos = {"data": "/home/me/gems", "more": ["/home/me/wild"], "others": ["/home/me/stones", "/home/me/things"]}
    for name, record in {RECIPE: recipe, DATA: photos, METRICS: {"x": 1}, HISTORY: {"loss": [2]}}.items():
        write_json(run / name, record)
    monkeypatch.setattr(keep_runs, "RESULTS", tmp_path)

    keep_runs.keep(run)

    kept = read_json(tmp_path / "mine.json")
    assert kept == {"command": kept["command"], "recipe": recipe, "metrics": {"x": 1}, "history": {"loss": [2]}}
    assert kept["command"] == (
        "python -m train gems --data DIR --out RUN --more wild --others stones --others things "
        "--preprocessing caffe --seed 1 --mixed-precision"
    )


@pytest.mark.parametrize(
    ("unlabelled", "options"),
    [
        ({}, ""),  # as earlier runs were noted
        ({"unlabelled": ["faces/*/*7.*", "my things"]}, "--unlabelled 'faces/*/*7.*' --unlabelled 'my things' "),
    ],
)
def test_the_command_of_a_slim_run_says_how_it_was_slimmed(
    unlabelled: dict[str, list[str]], options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "slim"
    run.mkdir()
    goal = {"speedup": 24.8, "width": None, "image_size": 128, "first_stride": 2}
    settings = {"goal": goal, "views": 8, "epochs": 12, "wide_views": False, "mixed_precision": True}
    records = {
        RECIPE: {"name": "gems", "widths": [16, 32]},
        SETTINGS: settings,
        METRICS: {},
        HISTORY: {},
        DATA: unlabelled,
    }
    for name, record in records.items():
        write_json(run / name, record)
    monkeypatch.setattr(keep_runs, "RESULTS", tmp_path)

    keep_runs.keep(run)

    assert read_json(tmp_path / "slim.json")["command"] == (
        "python -m train slim gems --out RUN --speedup 24.8 --image-size 128 --first-stride 2 --views 8 --epochs 12 "
        f"{options}--mixed-precision"
    )

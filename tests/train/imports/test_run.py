"""What a Keras file does not say, found from photos: scaling, channels, classes; and the run that comes of it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from edge_infer.model_file.opening import open_model
from tests.export.test_cli import run as run_export
from tests.train.imports.colours import COLOURS, SIDE, prototypes, run_train
from train.imports.finished import load_any_run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("scaling", "is_bgr"), [("unit", False), ("caffe", True), ("signed", True), ("none", False)])
def test_the_way_is_found(scaling: str, is_bgr: bool, photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "model.h5"
    prototypes(scaling, is_bgr=is_bgr, order=list(COLOURS)).save(path)
    code, out, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, "--out", tmp_path / "run")

    assert code == 0, err
    record = json.loads((tmp_path / "run" / "imported.json").read_text())
    assert (record["scaling"], record["channels"]) == (scaling, "bgr" if is_bgr else "rgb")
    assert "they are not held out" in out
    run = load_any_run(tmp_path / "run")
    assert run.labels == tuple(COLOURS)
    assert run.metrics["test"]["accuracy"] == 1.0


def test_any_label_is_drawn_and_a_folder_is_never_replaced(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path, mine = tmp_path / "model.keras", tmp_path / "photos"
    prototypes("unit", is_bgr=False, order=list(COLOURS)).save(path)
    shutil.copytree(photos, mine)
    (mine / sorted(COLOURS)[0]).rename(mine / "$5^$")  # matplotlib would read a formula
    command = ("import", path, "--photos", mine, "--out", tmp_path / "run")
    code, _, err = run_train(capsys, monkeypatch, *command)
    assert code == 0, err
    assert (tmp_path / "run" / "confusion_test.png").stat().st_size > 1000
    code, _, err = run_train(capsys, monkeypatch, *command)
    assert (code, err.splitlines()[-1]) == (1, f"Error: {tmp_path / 'run'} exists: give a new folder")


def test_another_order_of_classes_is_noticed_and_taken_when_told(
    photos: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    order = ["rose", "amber", "plum", "jade"]
    path = tmp_path / "model.keras"
    prototypes("unit", is_bgr=False, order=order).save(path)
    code, _, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, "--out", tmp_path / "run")
    assert code == 1
    assert "--labels rose,amber,plum,jade (96 of 96 right)" in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()

    told = ("--labels", ",".join(order), "--out", tmp_path / "run")
    code, _, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, *told)
    assert code == 0, err
    run = load_any_run(tmp_path / "run")
    assert run.labels == tuple(COLOURS)  # as of every run, sorted
    assert run.metrics["test"]["accuracy"] == 1.0


def test_a_wrong_order_that_is_told_is_put_right(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "model.keras"
    prototypes("unit", is_bgr=False, order=list(COLOURS)).save(path)
    told = ("--labels", "rose,amber,jade,plum", "--preprocessing", "unit")
    command = ("import", path, "--photos", photos, *told, "--out", tmp_path / "run")
    code, _, err = run_train(capsys, monkeypatch, *command)
    assert code == 1
    assert err.splitlines()[-1] == (
        "Error: its outputs fit the photos as --labels amber,jade,plum,rose (96 of 96 right), and not as --labels says "
        "(0): give --labels in the model's order"
    )


def test_an_order_that_is_told_and_wrong_for_two_classes_is_put_right(
    photos: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    path = tmp_path / "model.keras"
    prototypes("unit", is_bgr=False, order=list(COLOURS)).save(path)
    told = ("--labels", "jade,amber,plum,rose", "--preprocessing", "unit", "--out", tmp_path / "run")
    code, _, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, *told)
    assert code == 1
    assert err.splitlines()[-1] == (
        "Error: its outputs fit the photos far better as --labels amber,jade,plum,rose (96 of 96 right) than as "
        "--labels says (48): give --labels in the model's order"
    )


def test_a_told_scaling_has_its_usual_channels(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "model.keras"
    prototypes("caffe", is_bgr=True, order=list(COLOURS)).save(path)
    told = ("--preprocessing", "caffe", "--out", tmp_path / "run")
    code, out, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, *told)
    assert code == 0, err
    assert json.loads((tmp_path / "run" / "imported.json").read_text())["channels"] == "bgr"
    assert "caffe, rgb" not in out


def test_a_model_that_scales_by_itself_gets_pixels_as_they_are(
    photos: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    inner = prototypes("unit", is_bgr=False, order=list(COLOURS))
    layers = keras.layers
    model = keras.Sequential([layers.Input((SIDE, SIDE, 3)), layers.Rescaling(1 / 255), *inner.layers])
    path = tmp_path / "model.keras"
    model.save(path)
    command = ("import", path, "--photos", photos, "--out", tmp_path / "run")
    code, out, err = run_train(capsys, monkeypatch, *command)
    assert code == 0, err
    assert "| none, rgb, stretch, bilinear | 96 | 96 |" in out
    assert "caffe" not in out

    code, _, err = run_export(
        capsys,
        monkeypatch,
        *("from-keras", path, "--labels", ",".join(COLOURS), "--preprocessing", "unit", "--precision", "fp32"),
        *("--out", tmp_path / "my.onnx"),
    )
    assert code == 0
    assert "Note: the model scales pixels by itself, and --preprocessing unit scales them before that" in err


def test_photos_that_decide_nothing_are_an_error(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "model.keras"
    model = prototypes("unit", is_bgr=False, order=list(COLOURS))
    model.layers[-1].set_weights([np.zeros((24, 4)), np.arange(4.0)])
    model.save(path)
    code, _, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, "--out", tmp_path / "run")

    assert code == 1
    assert "it answers these photos no better than chance" in err.splitlines()[-1]


def test_photos_of_other_classes_are_an_error(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path = tmp_path / "model.keras"
    prototypes("unit", is_bgr=False, order=["amber", "jade"]).save(path)
    code, _, err = run_train(capsys, monkeypatch, "import", path, "--photos", photos, "--out", tmp_path / "run")

    assert code == 1
    assert err.splitlines()[-1] == (
        f"Error: the model has 2 classes, {photos} has 4 class folders: amber, jade, plum, rose"
    )


def test_one_command_makes_a_checked_int8_file(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    path, out = tmp_path / "model.h5", tmp_path / "my.onnx"
    model = keras.Sequential(
        [
            keras.layers.Input((SIDE, SIDE, 3)),
            keras.layers.Conv2D(3, 3, padding="same"),
            *prototypes("caffe", is_bgr=True, order=list(COLOURS)).layers,
        ]
    )
    model.layers[0].set_weights([np.pad(np.eye(3)[None, None], ((1, 1), (1, 1), (0, 0), (0, 0))), np.zeros(3)])
    model.save(path)
    code, printed, err = run_export(capsys, monkeypatch, "from-keras", path, "--photos", photos, "--out", out)

    assert code == 0, err
    metadata = open_model(out).metadata
    assert metadata.precision == "int8"
    assert metadata.labels == tuple(COLOURS)
    assert metadata.training["preprocessing"] == "caffe"
    assert metadata.min_score > 0.25
    assert len(metadata.golden) == 4
    assert metadata.accuracy["test"]["accuracy"] == 1.0
    assert "| caffe, bgr, stretch, bilinear | 96 | 96 |" in printed
    assert json.loads(out.with_suffix(".json").read_text())["agreement_with_fp32"]["share"] == 1.0

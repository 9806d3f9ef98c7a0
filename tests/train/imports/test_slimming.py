"""Somebody's network, slimmed: the run that comes of it, the file, and who is told why not."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from edge_infer.model_file.opening import open_model
from tests.export.test_cli import run as run_export
from tests.train.imports.colours import COLOURS, SIDE, prototypes, run_train
from train.errors import GoalError
from train.imports.finished import load_any_run
from train.imports.imported import import_model
from train.imports.slimming import check_imported_goal
from train.slim import distillation
from train.slim.goal import Goal

pytestmark = pytest.mark.slow

WIDTH = 48


@pytest.fixture(scope="module", autouse=True)
def short_rounds(eager_fits: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distillation, "VIEWS_A_ROUND", 64)
        yield


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained on blue, green, red, whose 48 channels say what three would."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 3)),
            layers.Conv2D(WIDTH, 3, padding="same"),
            layers.Conv2D(3, 1),
            *prototypes("caffe", is_bgr=True, order=list(COLOURS)).layers,
        ]
    )
    first, second = model.layers[:2]
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, WIDTH))
    kernel = np.zeros((3, 3, 3, WIDTH))
    kernel[1, 1] = mixing
    first.set_weights([kernel, np.zeros(WIDTH)])
    second.set_weights([np.linalg.pinv(mixing)[np.newaxis, np.newaxis], np.zeros(3)])
    path = tmp_path_factory.mktemp("wide") / "wide.h5"
    model.save(path)
    return path


def test_a_run_is_slimmed_and_exported(wide: Path, photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    code, _, err = run_train(capsys, monkeypatch, "import", wide, "--photos", photos, "--out", tmp_path / "run")
    assert code == 0, err
    options = ("--speedup", "2", "--views", "2", "--epochs", "1", "--out", tmp_path / "slim")
    code, out, err = run_train(capsys, monkeypatch, "slim", tmp_path / "run", *options)
    assert code == 0, err
    assert "Slimmed to 16-3 channels, 3.0 times fewer multiply-accumulates" in out
    full, slim = load_any_run(tmp_path / "run"), load_any_run(tmp_path / "slim")
    assert slim.is_slim
    assert not full.is_slim
    assert slim.metrics["slim"]["widths"] == [16, 3]
    assert slim.metrics["test"]["accuracy"] == 1.0
    assert slim.record.channels == "bgr"
    assert sorted(path.name for path in slim.path.glob("d*")) == [
        "data.json",
        "distillation.json",
        "distilled.weights.h5",
    ]

    code, _, err = run_train(capsys, monkeypatch, "slim", tmp_path / "slim", "--speedup", "2", "--out", tmp_path / "3")
    assert code == 1
    assert err.splitlines()[-1] == f"Error: {slim.path} is slim already: give the run that it was made from"


def test_one_command_makes_a_slim_file(wide: Path, photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("export.from_keras.SETTINGS", distillation.Distillation(views=2, epochs=1))
    out = tmp_path / "my.onnx"
    told = ("--preprocessing", "caffe", "--speedup", "2", "--work", tmp_path / "work")
    code, printed, err = run_export(capsys, monkeypatch, "from-keras", wide, "--photos", photos, *told, "--out", out)

    assert code == 0, err
    metadata = open_model(out).metadata
    assert metadata.precision == "int8"
    assert metadata.accuracy["test"]["accuracy"] == 1.0
    assert "slimmed to 16-3 channels" in metadata.architecture
    assert "Slimmed to 16-3 channels" in printed
    assert json.loads((tmp_path / "work-slim" / "metrics.json").read_text())["slim"]["widths"] == [16, 3]


def test_a_work_folder_that_is_taken_is_told_before_the_import(
    wide: Path, photos: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    (tmp_path / "work-slim").mkdir()
    told = ("--photos", photos, "--speedup", "2", "--work", tmp_path / "work", "--out", tmp_path / "my.onnx")
    code, _, err = run_export(capsys, monkeypatch, "from-keras", wide, *told)
    assert (code, err.splitlines()[-1]) == (
        1,
        f"Error: {tmp_path / 'work-slim'} exists: remove it, or give another --work",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["work-slim"]


@pytest.mark.parametrize(("option", "value"), [("image-size", 16), ("first-stride", 2)])
def test_an_imported_network_keeps_its_entrance(wide: Path, option: str, value: int) -> None:
    goal = Goal(speedup=2, **{option.replace("-", "_"): value})
    with pytest.raises(GoalError, match=f"^an imported network keeps .*: leave out --{option}$"):
        check_imported_goal(import_model(wide), "wide.keras", goal)


def test_the_photos_decide_how_slim(wide: Path, photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    told = ("--preprocessing", "caffe", "--channels", "bgr", "--out", tmp_path / "run")
    assert run_train(capsys, monkeypatch, "import", wide, "--photos", photos, *told)[0] == 0
    options = ("--max-drop", "0.02", "--views", "1", "--epochs", "1", "--out", tmp_path / "slim")
    code, _, err = run_train(capsys, monkeypatch, "slim", tmp_path / "run", *options)
    assert code == 0, err
    assert "3.0 times less to compute: 100.00% right, before 100.00%" in err
    assert load_any_run(tmp_path / "slim").metrics["slim"]["speedup"] > 2


def test_a_network_that_is_no_chain_is_told_so_first(photos: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 3))
    maps = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    maps = layers.Add(name="shortcut")([maps, layers.Conv2D(4, 3, padding="same")(maps)])
    answer = layers.Dense(len(COLOURS), activation="softmax")(layers.GlobalAveragePooling2D()(maps))
    path = tmp_path / "residual.keras"
    keras.Model(image, answer).save(path)
    out = ("--speedup", "2", "--out", tmp_path / "my.onnx")
    code, _, err = run_export(capsys, monkeypatch, "from-keras", path, "--photos", photos, *out)

    assert code == 1
    assert err.splitlines()[-1] == (
        "Error: residual.keras cannot be slimmed: layer 'shortcut' does not read the one before it alone; only plain "
        "chains of convolutions can, such as VGG16"
    )
    assert not (tmp_path / "my.onnx").exists()

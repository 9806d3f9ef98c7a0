"""Golden answers: the same pictures everywhere, and a machine that computes wrongly is told so."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_infer.errors import MetadataError
from edge_infer.model_file.metadata import ClassifierMetadata, InputSpec
from edge_infer.model_file.opening import open_model
from edge_infer.runtime.golden import golden_answers, golden_pictures, largest_difference
from edge_infer.runtime.session import Session
from tests.support.tiny_model import COLOURS, write_example, write_tiny_model

DIGEST = "d91adbb25d1bba22bbc31bb2edea05b0f65d602a6334e8fbdbb2f3d9a6bfc2ef"


def edge_infer(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edge_infer", *map(str, arguments)], capture_output=True, text=True)


def test_the_pictures_are_the_same_bytes_on_every_machine():
    pictures = golden_pictures(InputSpec(height=224, width=224))
    assert (pictures.shape, pictures.dtype) == ((4, 224, 224, 3), np.uint8)
    assert hashlib.sha256(pictures.tobytes()).hexdigest() == DIGEST
    assert pictures[0, 0, 0].tolist() == [0, 0, 255]
    assert pictures[0, 223, 223].tolist() == [254, 254, 1]


def test_they_show_the_same_at_every_size():
    small, large = (golden_pictures(InputSpec(height=side, width=side)) for side in (64, 128))
    assert np.array_equal(large[:, ::2, ::2], small)


def test_a_model_has_its_own_golden_answers(tmp_path: Path):
    file = open_model(write_example(tmp_path / "model.onnx"), ClassifierMetadata)
    golden = file.metadata.golden
    assert len(golden) == 4
    assert {len(row) for row in golden} == {len(COLOURS)}
    assert golden == golden_answers(Session(file), file.metadata.input)
    assert largest_difference(file, golden) <= 0.5e-4  # they are rounded


@pytest.mark.parametrize("row", [[0.5], [1.5] * 11, ["a"] * 11, 0.5, [True] * 11])
def test_golden_answers_of_another_shape_are_refused(tmp_path: Path, row: object):
    path = write_tiny_model(tmp_path / "model.onnx", golden=[row] * 4)
    with pytest.raises(MetadataError, match="metadata field golden should be rows of 11 numbers from 0 to 1"):
        open_model(path)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_golden_answers_are_as_many_as_the_pictures(tmp_path: Path, count: int):
    path = write_tiny_model(tmp_path / "model.onnx", golden=[[0.0] * 11] * count)
    with pytest.raises(MetadataError, match="metadata field golden should be 4 rows or none"):
        open_model(path)


def test_verify_says_what_was_checked(tmp_path: Path):
    good, without = write_example(tmp_path / "good.onnx"), write_tiny_model(tmp_path / "without.onnx")
    done = edge_infer("models", "verify", good, without)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{good}: ok (4 golden answers, largest difference 0.0000)",
        f"{without}: ok (loads; carries no golden answers)",
    ]


def test_verify_takes_all_bundled_models_by_default():
    done = edge_infer("models", "verify")
    assert done.returncode == 0
    assert "faces: ok (sha256, " in done.stdout


def test_verify_fails_for_a_machine_that_computes_something_else(tmp_path: Path):
    right = open_model(write_example(tmp_path / "right.onnx"), ClassifierMetadata).metadata.golden
    wrong = ((right[0][0] + 0.25, *right[0][1:]), *right[1:])
    path = write_tiny_model(tmp_path / "wrong.onnx", golden=wrong)
    done = edge_infer("models", "verify", path, tmp_path / "right.onnx")
    assert done.returncode == 3
    assert done.stdout.splitlines()[0] == (
        f"{path}: failed: its answers differ by up to 0.250 from those it carries (allowed: 0.01): "
        "the file is damaged (verify it where it was made, or export it again), or onnxruntime computes it wrongly "
        "on this machine"
    )
    assert done.stdout.splitlines()[1].startswith(f"{tmp_path / 'right.onnx'}: ok")


def test_verify_names_a_file_that_is_not_there(tmp_path: Path):
    done = edge_infer("models", "verify", tmp_path / "none.onnx")
    assert done.returncode == 3
    assert done.stdout == f"{tmp_path / 'none.onnx'}: failed: model file {tmp_path / 'none.onnx'} does not exist\n"

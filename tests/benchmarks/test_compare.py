"""The comparison of runtimes: each computes the same small network, and what cannot be measured is named."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from benchmarks import compare
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import NotMeasuredError
from benchmarks.pages.tables.runtimes import comparison_table
from benchmarks.runtimes import comparison, networks
from benchmarks.runtimes.compare_table import comparison_text
from benchmarks.runtimes.comparison import (
    PLAN,
    QUICK_PLAN,
    Entry,
    entries,
    measure_runtimes,
    model_files,
)
from benchmarks.runtimes.conversions import convert_to_ncnn, convert_to_tflite
from benchmarks.runtimes.row_names import EDGE_INFER_INT8, KERAS, KERAS_SLIM, ONNX_FP32
from edge_infer.errors import ModelError
from edge_infer.model_file.metadata import InputSpec
from export.conversion.convert import convert, with_metadata
from tests.benchmarks.fake_runtimes import answers, fails
from tests.support.small_runs import SIDE_PX
from tests.support.tiny_model import METADATA, write_tiny_model
from train.console import run as run_command
from train.files import write_json
from train.networks.network import build_network
from train.recipes import Recipe
from train.runs.finished import FinishedRun, load_run

LABELS = ("blue", "green", "red")


@pytest.fixture(scope="module")
def slim(cached_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A finished run of a narrow network with random weights."""
    folder = tmp_path_factory.mktemp("slim")
    recipe = replace(cached_recipe, widths=(16,) * 13)
    keras.utils.set_random_seed(0)
    build_network(recipe, len(LABELS), None).save_weights(folder / "network.weights.h5")
    write_json(folder / "recipe.json", asdict(recipe))
    write_json(folder / "split.json", {"parts": {}})
    write_json(folder / "metrics.json", {"labels": LABELS, "calibration": {"temperature": 0.2}})
    return load_run(folder)


@pytest.fixture(scope="module")
def onnx_file(slim: FinishedRun) -> Path:
    path = slim.path / "small-slim-fp32.onnx"
    metadata = replace(METADATA, labels=LABELS, input=InputSpec(SIDE_PX, SIDE_PX))
    path.write_bytes(with_metadata(convert(slim.network, slim.temperature), metadata))
    return path


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1, SIDE_PX, SIDE_PX, 3), np.uint8)


@pytest.fixture(scope="module")
def expected(slim: FinishedRun, picture: np.ndarray) -> np.ndarray:
    """What the network answers, worked out from its logits."""
    powers = np.exp(np.array(slim.network(picture)) / slim.temperature)
    assert 0.34 < (powers / powers.sum()).max() < 0.999  # or the test could not tell one network from another
    return powers / powers.sum()


@pytest.mark.slow
@pytest.mark.parametrize("build", [networks.keras_predict, networks.tf_function])
def test_keras_and_its_function_answer_as_the_network(
    build: Callable[..., networks.Answer], slim: FinishedRun, picture: np.ndarray, expected: np.ndarray
) -> None:
    assert build(slim.path, None)(picture) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("build", "package"),
    [(networks.onnx_runtime, "onnxruntime"), (networks.edge_infer, "edge_infer"), (networks.openvino, "openvino")],
)
def test_an_onnx_file_is_the_same_network_everywhere(
    build: Callable[..., networks.Answer], package: str, onnx_file: Path, picture: np.ndarray, expected: np.ndarray
) -> None:
    pytest.importorskip(package)
    assert build(onnx_file, 1)(picture) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_tflite_is_the_same_network_and_int8_weights_are_smaller(
    slim: FinishedRun, picture: np.ndarray, expected: np.ndarray, tmp_path: Path
) -> None:
    pytest.importorskip("ai_edge_litert")
    fp32 = convert_to_tflite(slim, tmp_path / "fp32.tflite")
    int8 = convert_to_tflite(slim, tmp_path / "int8.tflite", int8_weights=True)
    assert networks.tflite(fp32, 1)(picture) == pytest.approx(expected, abs=1e-4)
    assert int8.stat().st_size < 0.6 * fp32.stat().st_size


def test_ncnn_is_the_same_network(onnx_file: Path, picture: np.ndarray, expected: np.ndarray, tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    if comparison.versions()["pnnx"] is None:
        pytest.skip("pnnx is not installed")
    answer = networks.ncnn(convert_to_ncnn(onnx_file, SIDE_PX, tmp_path), 1)
    assert answer(picture) == pytest.approx(expected, abs=0.02)  # it stores halves where that is faster


def test_the_rows_are_of_the_network_that_they_say(slim: FinishedRun, tmp_path: Path) -> None:
    full = SimpleNamespace(path=tmp_path, recipe=replace(slim.recipe, widths=None))
    files = model_files(full, slim, tmp_path)
    assert {name: path.name for name, path in files.items()} == {
        "full fp32": "small-fp32.onnx",
        "full int8": "small-int8.onnx",
        "slim fp32": "small-slim-fp32.onnx",
        "slim int8": "small-slim-int8.onnx",
    }
    found = entries(full, slim, files, tmp_path)
    assert {ONNX_FP32, EDGE_INFER_INT8} <= {entry.name for entry in found}  # what README shows
    for entry in found:
        assert ("slim" in entry.name) == (entry.network == "slim")
        if entry.build in (networks.onnx_runtime, networks.openvino, networks.edge_infer):
            assert entry.source() == files[f"{entry.network} {'int8' if 'int8' in entry.name else 'fp32'}"]


def cannot_be_converted() -> Path:
    raise ValueError("not this network")


def measured(folder: Path, rows: list[Entry], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Measure fakes: two pictures, one and two threads."""
    runs = {}
    for name, widths in (("full", None), ("slim", (16,))):
        runs[name] = SimpleNamespace(path=folder / name, recipe=SimpleNamespace(name="small", widths=widths))
        runs[name].path.mkdir()
        (runs[name].path / "network.weights.h5").write_text(name)
    for path in model_files(runs["full"], runs["slim"], folder).values():
        write_tiny_model(path)
    monkeypatch.setattr(comparison, "entries", lambda *_: rows)
    monkeypatch.setattr(comparison, "available_cpus", lambda: 2)
    pictures = np.zeros((2, 4, 4, 3), np.uint8)
    pictures[1] = 1
    return measure_runtimes(
        runs["full"], runs["slim"], folder, {"full": pictures, "slim": pictures}, (1, 2), QUICK_PLAN, folder
    )


def row(name: str, shift: float = 0.0, network: str = "full", **options: Any) -> Entry:
    options = {"build": partial(answers, shift), "source": partial(Path, "source")} | options
    return Entry(name=name, network=network, **options)


@pytest.mark.slow
def test_each_row_is_held_against_keras_and_what_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        row(KERAS, sets_threads=False),
        row(ONNX_FP32, shift=0.3),
        row("absent", packages=("openvino", "no-such-package")),
        row("unconverted", source=cannot_be_converted),
        row("failing", build=fails),
        row(KERAS_SLIM, shift=0.05, network="slim", sets_threads=False),
        row("slim", shift=0.05, network="slim"),
    ]
    monkeypatch.setattr(comparison, "_version", lambda package: None if package == "no-such-package" else "1.0")
    result = measured(tmp_path, rows, monkeypatch)
    assert result["not_measured"] == {
        "absent": "no-such-package not installed",
        "unconverted": "not this network",
        "failing": "no such operator",
    }
    assert list(result["rows"]) == [KERAS, ONNX_FP32, KERAS_SLIM, "slim"]
    onnx = result["rows"][ONNX_FP32]
    assert (onnx["agreement"]["count"], onnx["agreement"]["of"]) == (1, 2)
    assert onnx["agreement"]["largest_difference"] == pytest.approx(0.3)
    assert result["rows"]["slim"]["agreement"]["largest_difference"] == 0
    assert list(onnx["threads"]) == ["1", "2"]
    assert onnx["threads"]["1"]["times_onnx_fp32"] == {"ratio": 1.0, "ratio_95": [1.0, 1.0]}
    assert onnx["threads"]["1"]["ms"]["runs"] == QUICK_PLAN.rounds * QUICK_PLAN.runs
    keras_times = result["rows"][KERAS]["threads"]
    assert list(keras_times) == ["default"]
    assert keras_times["default"]["times_keras"]["ratio"] == 1.0
    assert keras_times["default"]["times_onnx_fp32"]["ratio"] > 0
    assert result["weights_sha256"]["full"] != result["weights_sha256"]["slim"]
    assert result["files"]["slim int8"]["file"] == "small-slim-int8.onnx"
    assert len(result["files"]["slim int8"]["sha256"]) == 64


@pytest.mark.slow
def test_without_keras_there_is_nothing_to_compare_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotMeasuredError, match=r"^Keras predict, which .* fails: no such op"):
        measured(tmp_path, [row(KERAS, build=fails, sets_threads=False)], monkeypatch)


def test_a_missing_file_is_named_before_anything_is_measured(slim: FinishedRun, tmp_path: Path) -> None:
    full = SimpleNamespace(path=tmp_path, recipe=replace(slim.recipe, widths=None))
    with pytest.raises(ModelError, match=r"small-fp32\.onnx"):
        measure_runtimes(full, slim, tmp_path, {"full": np.zeros((1, 4, 4, 3), np.uint8)}, (1,), PLAN, tmp_path)


@pytest.mark.parametrize(
    ("run", "message"),
    [("nowhere", "run folder nowhere does not exist"), ("empty", "empty is not a finished run: finish it with")],
)
def test_bad_input_is_one_line(
    run: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["compare.py", run, "--slim", run, "--files", "."])
    monkeypatch.setattr(compare, "start_tensorflow", lambda: None)  # these tests have long started it
    with pytest.raises(SystemExit) as ended:
        run_command(compare.main, "compare", interrupted="")
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith(f"Error: {message}")
    assert said.count("\n") == 1


def timing(p50: float, keras_ratio: float, onnx_ratio: float | None) -> dict[str, Any]:
    return {
        "ms": {"p50": p50, "p50_95": [p50 - 1, p50 + 1]},
        "times_keras": {"ratio": keras_ratio},
        "times_onnx_fp32": None if onnx_ratio is None else {"ratio": onnx_ratio},
    }


RESULT = {
    "threads": [1, 2],
    "default_threads": 2,
    "rows": {
        KERAS: {
            "threads": {"default": timing(175, 1, 0.48)},
            "agreement": {"count": 16, "of": 16, "largest_difference": 0.0},
        },
        "tf.function": {
            "threads": {"1": timing(200, 0.875, 0.79), "2": timing(113, 1.5487, None)},
            "agreement": {"count": 15, "of": 16, "largest_difference": 0.00123},
        },
    },
    "not_measured": {"ncnn": "pnnx not installed"},
}


def test_the_page_holds_times_ratios_and_what_was_left_out() -> None:
    assert comparison_table(RESULT) == (
        "| runtime | 1 thread, p50 | x Keras | x ONNX fp32 | 2 threads, p50 | x Keras | x ONNX fp32 "
        "| largest difference | same answer |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| Keras predict |  |  |  | 175.0 ms (174.0-176.0) | 1 | 0.48 | 0e+00 | 16/16 |\n"
        "| tf.function | 200.0 ms (199.0-201.0) | 0.875 | 0.79 | 113.0 ms (112.0-114.0) | 1.55 |  | 1e-03 | 15/16 |\n"
        "| ncnn | not measured: pnnx not installed |  |  |  |  |  |  |  |\n"
    )


def test_the_terminal_shows_the_same() -> None:
    lines = comparison_text(RESULT).splitlines()
    assert lines[0].split("  ")[0] == "runtime:"
    assert lines[1].split() == ["Keras", "predict:", "175.0", "ms", "(174.0-176.0)", "1", "0.48", "0e+00", "16/16"]
    assert lines[-1] == "ncnn: not measured: pnnx not installed"


def test_the_command_is_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["/opt/bin/python3", "-m", "benchmarks.compare", "my run", "--quick"])
    assert typed_command() == "python -m benchmarks.compare 'my run' --quick"


def test_kept_results_name_no_path_of_a_machine() -> None:
    for path in (Path(__file__).parents[2] / "benchmarks" / "results" / "compare").glob("*.json"):
        assert json.loads(path.read_text())["command"].startswith("python ")
        assert "/work" not in path.read_text()

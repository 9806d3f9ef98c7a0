"""The latency script, run short on the tiny model; its figures mean nothing here, its record and its ways out do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks import latency
from benchmarks.speed.model_latency import SECTIONS
from edge_infer.model_file import registry
from tests.support.tiny_model import write_tiny_model

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(latency.main, ["--quick", *map(str, arguments)])


def result_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "out" / "latency.json").read_text())


def script(folder: Path, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the script as a user does: as a file, from wherever."""
    command = [sys.executable, str(ROOT / "benchmarks" / "latency.py"), "--quick", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, cwd=folder, text=True, timeout=120, check=False, **options)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sets the affinity")
def test_on_one_core_everything_is_measured(tmp_path: Path, tiny_model_path: Path) -> None:
    one_core = {min(os.sched_getaffinity(0))}
    done = script(tmp_path, "--model", tiny_model_path, preexec_fn=lambda: os.sched_setaffinity(0, one_core))
    assert done.returncode == 0, done.stderr
    result = result_of(tmp_path)
    model = result["models"]["colours"]
    assert (tmp_path / "out" / "latency.png").read_bytes().startswith(b"\x89PNG")
    assert result["machine"]["cores"] == 1
    assert (model["not_measured"], model["provider"]) == ({}, "CPUExecutionProvider")
    assert len(model["sha256"]) == 64
    assert model["bytes"] == tiny_model_path.stat().st_size
    assert list(model["threads"]) == ["1"]
    assert list(model["batches"]) == ["1", "2", "4", "8", "16"]
    assert {"decode_ms", "resize_ms", "infer_ms", "post_process_ms", "whole_ms"} <= model["stages"].keys()
    assert 0.5 < model["stages"]["share_explained"] < 1.5
    measured = model["threads"]["1"]["classify_ms"]
    assert measured["runs"] == 15
    assert measured["p99"] is None
    assert measured["p50_95"][0] <= measured["p50"] <= measured["p50_95"][1]
    assert "p50, 1 thread:" in done.stdout
    assert "Error" not in done.stderr


def test_a_model_that_is_not_bundled_is_null_and_named(run: Run, tmp_path: Path) -> None:
    done = run("--task", "nothing")
    assert done.exit_code == 1
    model = result_of(tmp_path)["models"]["nothing"]
    assert [model[section] for section in SECTIONS] == [None] * len(SECTIONS)
    assert model["not_measured"].keys() == model.keys() - {"not_measured"}
    assert model["not_measured"]["file"].startswith("no bundled model is named 'nothing'")
    assert "file:   not measured: no bundled model is named 'nothing'" in done.stdout
    assert "Traceback" not in done.output


def test_a_model_that_fails_verification_is_null_and_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiny_model(tmp_path / "colours.onnx")
    entry = {"file": path.name, "sha256": "0" * 64, "bytes": 1, "licence": "MIT"}
    (tmp_path / "manifest.json").write_text(json.dumps({"models": {"colours": entry}}))
    monkeypatch.setattr(registry, "MODELS_DIR", tmp_path)
    registry.bundled_models.cache_clear()
    try:
        done = run("--task", "colours")
    finally:
        registry.bundled_models.cache_clear()
    assert done.exit_code == 1
    assert "bundled model colours.onnx is damaged" in result_of(tmp_path)["models"]["colours"]["not_measured"]["file"]


def test_what_fails_is_null_and_the_rest_is_measured(
    run: Run, tmp_path: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for module, name in (("steady_state", "measure_threads"), ("steady_state", "measure_spinning")):
        monkeypatch.setattr(f"benchmarks.speed.{module}.{name}", broken)
    (tmp_path / "empty").mkdir()
    done = run("--model", tiny_model_path, "--photos", tmp_path / "empty")
    model = result_of(tmp_path)["models"]["colours"]
    assert model["not_measured"]["photos"] == f"{tmp_path / 'empty'} holds no pictures"
    assert model["not_measured"]["threads"] == "No space left on device"
    assert (model["threads"], model["spinning"], model["folder"]) == (None, None, None)
    assert model["independent_ms"] > 0
    assert set(model["batches"]) == {"1", "2", "4", "8", "16"}
    assert "spinning:" in done.stdout
    assert done.exit_code == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_a_full_disk_costs_a_line_each_and_no_traceback(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = script(tmp_path, "--task", "nothing", "--json", "/dev/full", stdout=full)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: the table cannot be printed: No space left on device",
        "Error: /dev/full cannot be written: No space left on device",
        "Error: out/latency.png is not drawn: no model was measured",
    ]
    assert Path("/dev/full").is_char_device()


def test_a_baseline_of_another_machine_is_refused_before_anything_is_measured(run: Run, tmp_path: Path) -> None:
    run("--task", "nothing")
    result = result_of(tmp_path)
    (tmp_path / "pi.json").write_text(json.dumps(result | {"machine": result["machine"] | {"cpu": "Cortex-A76"}}))
    done = run("--task", "nothing", "--baseline", "pi.json")
    assert done.exit_code == 2
    assert "the baseline is of another machine: its cpu is Cortex-A76, here it is " in done.output


def test_without_a_figure_in_common_a_baseline_cannot_hold(run: Run, tmp_path: Path) -> None:
    run("--task", "nothing")
    done = run("--task", "nothing", "--baseline", tmp_path / "out" / "latency.json")
    assert done.exit_code == 1
    assert "The baseline has no figure in common with this result." in done.stdout


def test_a_picture_by_a_name_that_matplotlib_does_not_write_is_refused_at_once(run: Run, tmp_path: Path) -> None:
    done = run("--task", "nothing", "--plot", "x.txt")
    assert done.exit_code == 2
    assert "--plot x.txt: the name must end in .png or .svg or .pdf" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("models", ["[]", '{"colours": 1}', '{"colours": {}}', '{"colours": {"bytes": "many"}}'])
def test_a_damaged_baseline_is_one_line(run: Run, tmp_path: Path, models: str) -> None:
    run("--task", "nothing")
    result = result_of(tmp_path)
    text = json.dumps(result | {"models": "HERE"}).replace('"HERE"', models)
    (tmp_path / "old.json").write_text(text)
    done = run("--task", "nothing", "--baseline", "old.json")
    assert done.exit_code == 2
    assert "old.json is damaged: it is not a result of latency.py" in done.output
    (tmp_path / "old.json").write_text(json.dumps(result | {"machine": 3}))
    assert "old.json is damaged: it is not a result" in run("--task", "nothing", "--baseline", "old.json").output

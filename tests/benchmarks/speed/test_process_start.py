from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.harness.machine import NotMeasuredError
from benchmarks.harness.pictures import draw_photos
from benchmarks.pages.tables.processes import process_start_table
from benchmarks.speed.process_start import main
from train.files import read_json


@pytest.mark.slow
def test_the_command_is_timed_beside_the_bare_script(tiny_model_path: Path, tmp_path: Path) -> None:
    (photo,) = draw_photos(tmp_path, with_face=False, count=1)
    out = tmp_path / "out.json"
    options = ["--model", str(tiny_model_path), "--rounds", "2", "--json", str(out)]
    done = CliRunner().invoke(main, [photo, *options])
    assert done.exception is None
    found = read_json(out)
    assert found["model_bytes"] == tiny_model_path.stat().st_size
    assert found["bare_ms"]["runs"] == found["classify_ms"]["runs"] == 2
    assert found["bare_ms"]["p50"] > 50
    assert found["ratio"] == pytest.approx(found["classify_ms"]["p50"] / found["bare_ms"]["p50"], rel=1e-3)
    assert f"{found['ratio']:.2f}" in process_start_table(found)


@pytest.mark.slow
def test_a_file_that_is_no_model_is_not_measured(tmp_path: Path) -> None:
    (photo,) = draw_photos(tmp_path, with_face=False, count=1)
    (tmp_path / "text.onnx").write_text("no model")
    done = CliRunner().invoke(main, [photo, "--model", str(tmp_path / "text.onnx"), "--rounds", "1"])
    assert isinstance(done.exception, NotMeasuredError)

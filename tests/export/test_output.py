"""A model file is written before its report, and neither over another file."""

from pathlib import Path

import pytest

from export.errors import OutputExistsError
from export.output import both_files, check_absent, write_model
from train.files import read_json


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_model_and_its_report_lie_beside_each_other(tmp_path: Path):
    written = write_model(tmp_path / "my.onnx", b"model", {"file": "my.onnx", "bytes": 5})
    assert written.path.read_bytes() == b"model"
    assert read_json(tmp_path / "my.json") == written.report == {"file": "my.onnx", "bytes": 5}


def test_a_disk_too_full_for_the_model_leaves_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("export.output.write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        write_model(tmp_path / "my.onnx", b"model", {"bytes": 5})
    assert list(tmp_path.iterdir()) == []
    check_absent([tmp_path / "my.onnx", tmp_path / "my.json"], "--out")  # so the same command may go on


def test_a_disk_too_full_for_the_report_keeps_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("export.output.write_json", full)
    with pytest.raises(OSError, match="No space left"):
        write_model(tmp_path / "my.onnx", b"model", {"bytes": 5})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("my.onnx", b"model")]
    with pytest.raises(OutputExistsError, match=r"my\.onnx exists: remove it, or give another --out"):
        check_absent([tmp_path / "my.onnx"], "--out")


def test_a_report_that_is_there_is_not_overwritten_either(tmp_path: Path):
    (tmp_path / "my.json").write_text("mine")
    with pytest.raises(OutputExistsError, match=r"my\.json exists: remove it, or give another --out"):
        check_absent(both_files(tmp_path / "my.onnx"), "--out")


def test_a_file_that_has_the_name_of_the_folder_is_named(tmp_path: Path):
    (tmp_path / "labels.txt").write_text("a")
    with pytest.raises(OutputExistsError, match=r"labels\.txt is no folder to write my\.onnx into: give another --out"):
        check_absent([tmp_path / "labels.txt" / "my.onnx"], "--out")

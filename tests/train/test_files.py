"""JSON files: faults named, values plain, old files kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from train.errors import RunFolderError
from train.files import read_json, whole_folder, write_json


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


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path):
    def stop() -> None:
        with whole_folder(tmp_path / "run") as unfinished:
            unfinished.mkdir()
            (unfinished / "half").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.iterdir()) == []
    with whole_folder(tmp_path / "run") as unfinished:
        unfinished.mkdir()
        (unfinished / "all").write_text("1")
        assert not (tmp_path / "run").exists()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["run", "run/all"]

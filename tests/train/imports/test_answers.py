"""Answers that a run keeps: given back for the network that gave them, and for no other."""

from pathlib import Path

import numpy as np
import pytest

from train.data.photos import Photo
from train.errors import RunFolderError
from train.imports.answers import ANSWERS, read_answers, write_answers

LOGITS = np.array([[1.5, -2.0], [0.25, 3.0]], np.float32)
FIRST, SECOND, OTHER = (Photo(Path(name), "amber", name * 64) for name in "abc")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "model").write_bytes(b"weights")
    write_answers(tmp_path, ["model"], [FIRST, SECOND], LOGITS)
    return tmp_path


def test_answers_come_back_in_the_order_of_the_photos(run: Path) -> None:
    found = read_answers(run, ["model"], [SECOND, FIRST])
    assert found is not None
    assert found.tolist() == LOGITS[::-1].tolist()
    assert found.dtype == np.float32


def test_a_photo_that_was_not_asked_for_has_none(run: Path) -> None:
    assert read_answers(run, ["model"], [FIRST, OTHER]) is None


def test_another_network_has_none(run: Path) -> None:
    (run / "model").write_bytes(b"other weights")
    assert read_answers(run, ["model"], [FIRST]) is None


def test_a_run_that_keeps_none_has_none(run: Path) -> None:
    (run / ANSWERS).unlink()
    assert read_answers(run, ["model"], [FIRST]) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive"])
def test_a_damaged_file_is_named(run: Path, content: bytes) -> None:
    (run / ANSWERS).write_bytes(content)
    with pytest.raises(RunFolderError, match=f"{ANSWERS} is damaged"):
        read_answers(run, ["model"], [FIRST])

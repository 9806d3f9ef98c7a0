"""Files are whole or not there."""

import errno
import os
import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from edge_infer.atomic_files import write_atomic


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    (tmp_path / "net.weights.h5").write_text("old")

    def write_half(path: Path) -> None:
        assert path.name.endswith("net.weights.h5")
        path.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "net.weights.h5", write_half)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("net.weights.h5", "old")]


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_atomic(path, lambda unfinished: unfinished.write_text("new"))
    assert [(entry.name, entry.read_text()) for entry in path.parent.iterdir()] == [("c.txt", "new")]


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_gets_its_name_once_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    steps: list[tuple[str, bool]] = []
    path = tmp_path / "a.txt"

    def note(number: int) -> None:
        written = Path(f"/proc/self/fd/{number}").readlink()
        steps.append((written.name if written.is_dir() else re.sub(r"-\w{8}-", "-N-", written.name), path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_atomic(path, lambda unfinished: unfinished.write_text("new"), durable=durable)
    assert path.read_text() == "new"
    assert steps == ([(".unfinished-N-a.txt", False), (tmp_path.name, True)] if durable else [])


@pytest.mark.parametrize(("number", "is_raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_only_a_disk_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, is_raised: bool
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no") if is_raised else nullcontext():
        write_atomic(tmp_path / "a.txt", lambda unfinished: unfinished.write_text("new"))
    assert (tmp_path / "a.txt").exists() is not is_raised


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomic(pipe, lambda path: path.write_text("new"))
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_the_reason_is_the_first_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"):
        write_atomic(tmp_path / ("x" * 250), lambda path: path.write_text("new"))
    assert list(tmp_path.iterdir()) == []

"""Files that are there whole or not at all, on disk and in a store."""

import errno
import os
from pathlib import Path

import pytest

from edge_infer.errors import OutputError, StorageError


@pytest.mark.parametrize("place", ["disk", "store"])
def test_what_is_written_is_read(place: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from edge_infer.bulk.storage import files_below, is_file, join, read_bytes, write_whole

    base = str(tmp_path) if place == "disk" else f"{request.getfixturevalue('s3')}/{tmp_path.name}"
    address = join(f"{base}/a", "b c?.bin")
    assert files_below(base + "/a", recursive=True) == []
    write_whole(address, b"first")
    write_whole(address, b"second")
    assert read_bytes(address) == b"second"
    assert read_bytes(address, max_bytes=2) == b"sec"
    assert (is_file(address), is_file(base + "/a"), is_file(base + "/gone")) == (True, False, False)
    assert [found.replace("\\", "/") for found in files_below(base + "/a", recursive=False)] == [address]
    with pytest.raises(FileNotFoundError):
        read_bytes(base + "/gone")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_infer.bulk.storage import write_whole

    path = tmp_path / "part"
    write_whole(str(path), b"whole")

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"part cannot be written: No space left on device$"):
        write_whole(str(path), b"more")
    assert [entry.name for entry in tmp_path.iterdir()] == ["part"]
    assert path.read_bytes() == b"whole"


def test_a_bucket_that_is_not_there_is_one_line(s3: str) -> None:
    from edge_infer.bulk.storage import write_whole

    with pytest.raises(OutputError, match=r"^s3://no-such-bucket/x cannot be written: [^\n]+$"):
        write_whole("s3://no-such-bucket/x", b"data")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://key:secret@bucket/a.jpg", r"^s3://… holds a password, which every answer would show"),
        ("ftp://host/a.jpg", r"^ftp://host cannot be used: Unrecognized filesystem type"),
    ],
)
def test_addresses_that_are_refused(address: str, message: str) -> None:
    from edge_infer.bulk.storage import read_bytes

    with pytest.raises(StorageError, match=message) as caught:
        read_bytes(address)
    assert "secret" not in str(caught.value)


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    from edge_infer.bulk.storage import remove_unfinished

    for name in (".unfinished-1-part-00000.parquet", "part-00000.parquet", ".mine"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".unfinished-2-part-00001.parquet").touch()  # another run is writing it
    remove_unfinished(str(tmp_path))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        ".mine",
        ".unfinished-2-part-00001.parquet",
        "part-00000.parquet",
    ]

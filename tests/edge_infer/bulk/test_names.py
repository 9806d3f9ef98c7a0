"""Which pictures a source means, on disk and in a store."""

import os
import re
import sys
from pathlib import Path

import pytest

from edge_infer.errors import NoImagesError, StorageError
from tests.edge_infer.bulk.conftest import upload

PLACES = ("1.png", "2.png", "10.png", "sub/3 of?.png", ".hidden/4.png", "@eaDir/5.png", "notes.txt", "raw.NEF")


def names(source: str, *, recursive: bool = False) -> tuple[list[str], list[str]]:
    from edge_infer.bulk.names import names_of

    notes: list[str] = []
    return names_of(source, recursive=recursive, report=notes.append), notes


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for place in PLACES:
        path = tmp_path / "tree" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "tree"


@pytest.fixture(params=["disk", "store"])
def base(request: pytest.FixtureRequest, tree: Path) -> str:
    """The same files in a folder and in a bucket."""
    if request.param == "disk":
        return "tree"
    address = f"{request.getfixturevalue('s3')}/{tree.parent.name}/tree"
    upload(tree, address)
    return address


def test_a_folder_gives_its_pictures_in_natural_order(base: str) -> None:
    note = f"{base}: 1 camera RAW file is left out ({base}/raw.NEF): convert to JPEG or PNG to use them"
    assert names(base) == ([f"{base}/{name}" for name in ("1.png", "2.png", "10.png")], [note])
    assert names(f"{base}/")[0][-1].endswith("/10.png")
    expected = [f"{base}/{name}" for name in ("1.png", "2.png", "10.png", "sub/3 of?.png")]
    assert names(base, recursive=True) == (expected, [note])


def test_a_pattern(base: str) -> None:
    assert names(f"{base}/1*.png")[0] == [f"{base}/1.png", f"{base}/10.png"]
    assert names(f"{base}/?.png")[0] == [f"{base}/1.png", f"{base}/2.png"]
    everywhere = names(f"{base}/**/*.png")[0]
    assert f"{base}/sub/3 of?.png" in everywhere
    assert not [name for name in everywhere if "/." in name]
    with pytest.raises(NoImagesError):
        names(f"{base}/*.tiff")


def test_brackets_are_for_local_patterns(s3: str, tree: Path) -> None:
    with pytest.raises(StorageError, match=r"brackets stand for letters in local patterns only: use \* or \?$"):
        names(f"{s3}/{tree.parent.name}/tree/[12].png")


def test_one_picture(base: str) -> None:
    assert names(f"{base}/sub/3 of?.png")[0] == [f"{base}/sub/3 of?.png"]


def test_a_list_keeps_its_order(base: str) -> None:
    from edge_infer.bulk.storage import write_whole

    write_whole(f"{base}/list.txt", "\ufeffs3://b/9.png\r\n\n7.png\n".encode())
    assert names(f"@{base}/list.txt")[0] == ["s3://b/9.png", "7.png"]


def test_a_manifest_keeps_its_order_and_repetitions(base: str) -> None:
    write_manifest(f"{base}/manifest.parquet", path=["b.png", "a.png", "b.png"], id=[1, 2, 3])
    assert names(f"{base}/manifest.parquet") == (["b.png", "a.png", "b.png"], [])


def write_manifest(address: str, **columns: list[object]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from edge_infer.bulk.storage import write_whole

    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    write_whole(address, sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"file": ["a.png"]}, "m.parquet has no column path (it has: file)"),
        ({"path": ["s3://me:secret@b/a.png"]}, "s3://… holds a password, which every answer would show"),
        ({"path": [1, 2]}, "m.parquet: its column path holds int64, not text"),
        ({"path": ["a.png", None]}, "m.parquet: its column path has 1 empty rows"),
    ],
)
def test_a_manifest_that_names_no_pictures(tree: Path, columns: dict[str, list[object]], message: str) -> None:
    write_manifest("m.parquet", **columns)
    with pytest.raises(StorageError, match=re.escape(message)):
        names("m.parquet")


def test_what_is_not_there_is_one_line(base: str) -> None:
    for source in (f"{base}/gone.parquet", f"@{base}/gone.txt"):
        with pytest.raises(StorageError, match="gone"):
            names(source)
    with pytest.raises(NoImagesError, match=r"sub/deep|does not exist|holds no pictures"):
        names(f"{base}/sub/deep*")


def test_a_folder_that_is_not_there(base: str) -> None:
    with pytest.raises((NoImagesError, StorageError), match=r"/gone (does not exist|holds no pictures)"):
        names(f"{base}/gone", recursive=True)


def test_a_file_that_is_no_parquet(tree: Path) -> None:
    Path("m.parquet").write_text("path\na.png\n")
    with pytest.raises(StorageError, match=r"^m\.parquet cannot be read: [^\n]*$"):
        names("m.parquet")


def test_an_empty_store_folder_says_what_was_left_out(s3: str, tree: Path) -> None:
    upload(tree / ".hidden", f"{s3}/{tree.parent.name}/empty/sub")
    with pytest.raises(NoImagesError, match=r"empty holds no pictures \(--recursive looks into its sub-folders\)$"):
        names(f"{s3}/{tree.parent.name}/empty")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf_8_is_text(tmp_path: Path) -> None:
    from edge_infer.bulk.job import digest
    from edge_infer.bulk.rows import as_text

    name = os.fsdecode(b"caf\xe9.png")
    assert as_text(name) == r"caf\udce9.png"
    assert digest([name]) != digest([as_text(name)])

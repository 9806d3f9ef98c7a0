"""What callers take for a picture's source: read, or refused by a typed error that says what to give instead."""

import asyncio
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_infer import Classifier
from edge_infer.errors import EdgeInferError, ImageDecodeError, ImageNotFoundError, UnsupportedImageError
from edge_infer.pictures.loading import load_rgb
from edge_infer.results import FailedInput
from tests.conftest import drawn
from tests.support.hostile_pictures import encoded

PICTURE = encoded(drawn((200, 30, 30)), "PNG")


class UploadFile:
    """As in Starlette and FastAPI."""

    filename = "photo.png"

    async def read(self, size: int = -1) -> bytes:
        return PICTURE

    async def seek(self, offset: int) -> None: ...


class StreamReader:
    """As in asyncio: nothing to seek in."""

    async def read(self, n: int = -1) -> bytes:
        return PICTURE


class Promising:
    """Returns what can be awaited and is not a coroutine, as aiofiles does."""

    name = "photo.png"

    def read(self, size: int = -1) -> "asyncio.Future[bytes]":
        return asyncio.get_running_loop().create_future()


class GivingBytearrays(io.BytesIO):
    def read(self, size: int | None = -1) -> bytearray:  # type: ignore[override]
        return bytearray(super().read(size))


def closed_file() -> io.BytesIO:
    stream = io.BytesIO(PICTURE)
    stream.close()
    return stream


@pytest.mark.parametrize("make", [UploadFile, StreamReader, Promising])
def test_an_asynchronous_file_is_refused_with_what_to_do(make: Callable[[], object]) -> None:
    async def load() -> None:
        load_rgb(make())

    name = getattr(make, "name", "the given file object")
    with pytest.raises(UnsupportedImageError) as caught:
        asyncio.run(load())
    assert str(caught.value) == f"{name} is read asynchronously: give the bytes that its `await read()` returns"


WRONG = {
    "None": (lambda: None, "cannot read a picture from NoneType: give a path"),
    "a number": (lambda: 5, "cannot read a picture from int: give a path"),
    "a list": (lambda: ["photo.jpg"], "cannot read a picture from list: give a path"),
    "a generator": (lambda: (row for row in [b"", b""]), "cannot read a picture from generator: give a path"),
    "a function": (lambda: open, "cannot read a picture from builtin_function_or_method: give a path"),
    "a file of text": (lambda: io.StringIO("text"), "gives text, not binary data: open it with mode 'rb'"),
    "a picture opened as text": (lambda: io.TextIOWrapper(io.BytesIO(PICTURE)), "gives text, not binary data"),
    "a closed file": (closed_file, "is a closed file: open it again, or give its path"),
    "a file of numbers": (lambda: _Returning(7), "gives int instead of bytes"),
    "a file of text of somebody's": (lambda: _Returning("text"), "gives text, not binary data"),
    "a class": (lambda: io.BytesIO, "cannot read a picture from type: give a path"),
}


class _Returning:
    def __init__(self, answer: object) -> None:
        self._answer = answer

    def read(self, size: int = -1) -> object:
        return self._answer


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_source_is_unsupported(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        load_rgb(make())
    assert message in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("https://example.org/photo.jpg", "https://example.org/photo.jpg is an address, not a file: download it first"),
        ("s3://bucket/photo.jpg", "is an address, not a file: download it first"),
        ("nowhere/photo.jpg", "nowhere/photo.jpg does not exist"),
        ("", "an empty path names no file"),
    ],
)
def test_a_path_that_is_none_is_not_found(path: str, message: str) -> None:
    with pytest.raises(ImageNotFoundError) as caught:
        load_rgb(path)
    assert message in str(caught.value)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match="is not a file"):
        load_rgb(tmp_path)


READ: dict[str, Callable[[Path], object]] = {
    "bytearray": lambda _: bytearray(PICTURE),
    "memoryview": lambda _: memoryview(PICTURE),
    "entry of a folder": lambda folder: next(entry for entry in os.scandir(folder) if entry.name == "photo.png"),
    "entry of a folder named in bytes": lambda folder: next(
        entry for entry in os.scandir(os.fsencode(folder)) if entry.name == b"photo.png"
    ),
    "member of an archive": lambda folder: zipfile.ZipFile(folder / "photos.zip").open("photo.png"),  # noqa: SIM115
    "compressed file": lambda folder: gzip.open(folder / "photo.gz"),  # noqa: SIM115
    "unbuffered file": lambda folder: (folder / "photo.png").open("rb", buffering=0),
    "file that gives bytearrays": lambda _: GivingBytearrays(PICTURE),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", READ)
def test_whatever_gives_bytes_is_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(PICTURE)
    (tmp_path / "photo.gz").write_bytes(gzip.compress(PICTURE))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.png", PICTURE)
    assert np.array_equal(load_rgb(READ[kind](tmp_path)), load_rgb(PICTURE))


@pytest.mark.parametrize("error", [EOFError("ended"), zipfile.BadZipFile("a\nb"), RuntimeError(), KeyError("x")])
def test_whatever_a_failing_stream_raises_is_one_line(error: Exception) -> None:
    class Failing:
        name = "photo.png"

        def read(self, size: int = -1) -> bytes:
            raise error

    with pytest.raises(ImageDecodeError) as caught:
        load_rgb(Failing())
    assert str(caught.value).startswith("photo.png cannot be read: ")
    assert "\n" not in str(caught.value)


def test_a_cut_compressed_file_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "photo.gz").write_bytes(gzip.compress(PICTURE)[:-20])
    with gzip.open(tmp_path / "photo.gz") as stream, pytest.raises(ImageDecodeError, match="cannot be read: "):
        load_rgb(stream)


@pytest.mark.parametrize("limit", [10**14, 2**63, 10**30])
def test_a_limit_beyond_any_file_reads_what_there_is(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(PICTURE)
    reading, writing = os.pipe()
    os.write(writing, PICTURE)
    os.close(writing)
    with path.open("rb") as stream, os.fdopen(reading, "rb") as pipe:
        for source in (path, PICTURE, stream, io.BytesIO(PICTURE), pipe):
            assert load_rgb(source, max_bytes=limit, max_pixels=limit).size == (64, 48)


def test_a_pipe_without_a_buffer_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, PICTURE)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert load_rgb(pipe).size == (64, 48)


def test_a_wrong_source_among_many_is_one_failed_input(tiny_model_path: Path) -> None:
    classifier = Classifier(tiny_model_path)

    async def classify() -> list[object]:
        return list(classifier.classify_many([PICTURE, UploadFile(), None, 5, closed_file(), PICTURE]))

    first, *failed, last = asyncio.run(classify())
    assert (first.label, last.label) == ("red", "red")
    assert [type(item) for item in failed] == [FailedInput] * 4
    assert all(isinstance(item.error, UnsupportedImageError) for item in failed)


@pytest.mark.parametrize(
    "one",
    [
        "photo.png", Path("photo.png"), PICTURE, bytearray(PICTURE), memoryview(PICTURE), io.BytesIO(PICTURE),
        UploadFile(), drawn((9, 9, 9)), np.zeros((4, 4, 3), np.uint8),
    ],
)  # fmt: skip
def test_one_source_where_several_are_asked_for_is_a_type_error(one: object, tiny_model_path: Path) -> None:
    with pytest.raises(TypeError, match="takes several sources; use classify for one") as caught:
        Classifier(tiny_model_path).classify_many(one)
    assert not isinstance(caught.value, EdgeInferError)


def test_an_array_of_pictures_is_several(tiny_model_path: Path) -> None:
    pictures = np.zeros((3, 8, 8, 3), np.uint8)
    pictures[1, ..., 0] = 255
    answers = list(Classifier(tiny_model_path).classify_many(pictures))
    assert answers[1].label == "red"
    assert len(answers) == 3

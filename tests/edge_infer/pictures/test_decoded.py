"""Pictures that are loaded twice are decoded once, as far as there is room, and look the same."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures import loading
from edge_infer.pictures.decoded import KeptPicture, Room
from edge_infer.pictures.loading import load_input, load_rgb, load_scene
from tests.conftest import drawn

SPEC = InputSpec(32, 32)
TURNED = Image.Exif()
TURNED[0x0112] = 6


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every picture that is decoded."""
    names: list[str] = []
    decode = loading._decode
    monkeypatch.setattr(loading, "_decode", lambda picture, *a: names.append(picture.name) or decode(picture, *a))
    return names


def write(path: Path, size: tuple[int, int]) -> str:
    drawn((200, 60, 60), size).save(path, exif=TURNED)
    return str(path)


@pytest.mark.parametrize(
    ("name", "size", "count"),
    [
        ("a.png", (300, 200), 1),
        ("a.tif", (300, 200), 1),
        ("a.webp", (300, 200), 1),
        ("a.jpg", (100, 80), 1),
        ("a.jpg", (600, 400), 2),  # the first time at a reduced scale
    ],
)
def test_a_kept_picture_is_the_same_picture(
    tmp_path: Path, decodes: list[str], name: str, size: tuple[int, int], count: int
) -> None:
    path = write(tmp_path / name, size)
    whole, small = load_rgb(path), load_input(path, SPEC)
    decodes.clear()
    kept = KeptPicture(path, Room(size[0] * size[1]))
    assert load_input(kept, SPEC).tobytes() == small.tobytes()
    again = load_rgb(kept)
    assert (again.size, again.tobytes()) == (whole.size, whole.tobytes()) != ((0, 0), b"")
    assert again.size == size[::-1]
    assert decodes == [path] * count


def test_a_scene_is_kept_too(tmp_path: Path, decodes: list[str]) -> None:
    path = write(tmp_path / "a.png", (300, 200))
    kept = KeptPicture(path, Room(60_000))
    assert load_scene(kept, needed_side=1024).image.tobytes() == load_rgb(kept).tobytes()
    assert decodes == [path]


def test_pictures_share_their_room(tmp_path: Path, decodes: list[str]) -> None:
    room = Room(100)
    paths = [write(tmp_path / f"{name}.png", (10, 6)) for name in "ab"]
    first, second = (KeptPicture(path, room) for path in paths)
    for picture in (first, second, first, second):
        load_rgb(picture)
    assert decodes == [*paths, paths[1]]
    first.forget()
    first.forget()  # which frees nothing more
    assert not room.take(101)
    for _ in range(2):
        load_rgb(second)
    load_rgb(first)
    assert decodes == [*paths, *[paths[1]] * 2, paths[0]]


def test_a_file_object_is_kept_under_its_name(tmp_path: Path, decodes: list[str]) -> None:
    file = BytesIO(Path(write(tmp_path / "a.png", (10, 6))).read_bytes())
    file.name = "-"
    kept = KeptPicture(file, Room(60))
    assert kept.name == "-"
    assert load_rgb(kept).tobytes() == load_rgb(kept).tobytes()
    assert decodes == ["-"]


def test_without_memory_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decodes: list[str]) -> None:
    def copy(image: Image.Image) -> Image.Image:
        raise MemoryError

    path, room = write(tmp_path / "a.png", (10, 6)), Room(60)
    monkeypatch.setattr(Image.Image, "copy", copy)
    kept = KeptPicture(path, room)
    assert load_rgb(kept).tobytes() == load_rgb(kept).tobytes()
    assert decodes == [path, path]
    assert room.take(60)

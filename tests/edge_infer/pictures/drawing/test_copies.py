"""Copies of pictures: whole or not at all, and nothing of the user's replaced."""

import os
from pathlib import Path

import pytest
from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.pictures.drawing.copies import DrawnCopies
from tests.support.hostile_pictures import encoded, with_jpeg_size

GREY = (128, 128, 128)


def annotated_in(folder: Path) -> DrawnCopies:
    return DrawnCopies(folder, "annotated")


def unchanged(image_rgb: Image.Image) -> Image.Image:
    return image_rgb


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (60, 40), GREY).save("photo.png")
    return Path("photo.png")


def test_copies_are_written_beside_nothing_of_the_users(photo: Path) -> None:
    before = photo.read_bytes()
    path = annotated_in(Path("out/deep")).save("photo.png", "photo.png", unchanged)
    assert path == Path("out/deep/photo-annotated.jpg")
    with Image.open(path) as copy:
        assert copy.size == (60, 40)
    assert photo.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_pictures_of_one_name_get_numbers_and_a_second_run_replaces(photo: Path) -> None:
    for _ in range(2):
        copies = annotated_in(Path("out"))
        names = [copies.save(str(photo), s, unchanged).name for s in ("a/photo.png", "b/photo.jpg", "-", None)]
        assert names == [
            "photo-annotated.jpg",
            "photo-annotated-2.jpg",
            "stdin-annotated.jpg",
            "picture-annotated.jpg",
        ]
    assert len(list(Path("out").iterdir())) == 4


def test_a_file_of_the_user_is_never_replaced(photo: Path) -> None:
    out = Path("out")
    out.mkdir()
    Image.new("RGB", (5, 5)).save(out / "photo-annotated.jpg")
    (out / "photo-annotated-2.jpg").write_text("no picture")
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert annotated_in(out).save("photo.png", "photo.png", unchanged).name == "photo-annotated-3.jpg"
    assert {path: path.read_bytes() for path in before} == before
    assert annotated_in(out).save("photo.png", "photo.png", unchanged).name == "photo-annotated-3.jpg"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_whatever_else_has_the_copys_name_is_left_alone(photo: Path) -> None:
    out = Path("out")
    (out / "photo-annotated.jpg").mkdir(parents=True)
    os.mkfifo(out / "photo-annotated-2.jpg")
    bomb = with_jpeg_size(encoded(Image.new("RGB", (8, 8)), "JPEG"), 60_000, 60_000)
    (out / "photo-annotated-3.jpg").write_bytes(bomb)
    assert annotated_in(out).save("photo.png", "photo.png", unchanged).name == "photo-annotated-4.jpg"
    assert (out / "photo-annotated-3.jpg").read_bytes() == bomb


def test_a_name_that_is_too_long_is_an_error(photo: Path) -> None:
    with pytest.raises(OutputError, match=r"-annotated\.jpg cannot be written: File name too long"):
        annotated_in(Path("out")).save("photo.png", "x" * 250 + ".png", unchanged)
    assert list(Path("out").iterdir()) == []


def test_a_link_to_nothing_is_never_replaced(photo: Path) -> None:
    Path("out").mkdir()
    Path("out/photo-annotated.jpg").symlink_to("gone.jpg")
    assert annotated_in(Path("out")).save("photo.png", "photo.png", unchanged).name == "photo-annotated-2.jpg"
    assert Path("out/photo-annotated.jpg").is_symlink()


def test_names_that_differ_in_case_only_are_kept_apart(photo: Path) -> None:
    copies = annotated_in(Path("out"))
    names = [copies.save("photo.png", source, unchanged).name for source in ("A.png", "a.png")]
    assert names == ["A-annotated.jpg", "a-annotated-2.jpg"]


def test_an_open_file_that_was_read_already_is_read_again(photo: Path) -> None:
    with photo.open("rb") as file:
        file.read()
        assert annotated_in(Path("out")).save(file, "-", unchanged).exists()


def test_a_folder_that_cannot_be_made_is_named(photo: Path) -> None:
    with pytest.raises(OutputError, match=r"folder photo\.png/out cannot be created"):
        annotated_in(photo / "out")


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(photo: Path) -> None:
    long = "x" * 240
    with pytest.raises(OutputError, match=rf"out/{long}-annotated\.jpg cannot be written: File name too long"):
        annotated_in(Path("out")).save(str(photo), f"{long}.png", unchanged)
    assert list(Path("out").iterdir()) == []


def test_each_kind_of_copy_has_its_own_names_and_replaces_only_its_own(photo: Path) -> None:
    for _ in range(2):
        paths = [
            DrawnCopies(Path("out"), kind).save("photo.png", "photo.png", unchanged)
            for kind in ("annotated", "explained")
        ]
        assert [path.name for path in paths] == ["photo-annotated.jpg", "photo-explained.jpg"]
    Path("out/photo-explained.jpg").write_bytes(Path("out/photo-annotated.jpg").read_bytes())
    assert (
        DrawnCopies(Path("out"), "explained").save("photo.png", "photo.png", unchanged).name == "photo-explained-2.jpg"
    )

import errno
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from edge_infer.errors import NoImagesError
from edge_infer.pictures.finding.folders import LeftOut, find_images, look_through, summarize
from edge_infer.pictures.finding.sources import expand, expand_in_groups
from edge_infer.results import FailedInput


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_numbers_are_sorted_by_their_value_in_files_and_folders() -> None:
    touch("d/frame_10.png", "d/frame_9.png", "d/day 10/1.jpg", "d/day 9/2.jpg", "d/day 9/deep/1.jpg")
    assert find_images("d") == ["d/frame_9.png", "d/frame_10.png"]
    assert find_images("d", recursive=True)[2:] == ["d/day 9/2.jpg", "d/day 9/deep/1.jpg", "d/day 10/1.jpg"]


@pytest.mark.parametrize(
    "name", ["@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "__MACOSX", "#snapshot", "@Recycle", ".thumbnails"]
)
def test_folders_that_systems_make_are_skipped(name: str) -> None:
    touch("d/1.jpg", f"d/{name}/1.jpg/SYNOPHOTO_THUMB_XL.jpg", f"d/sub/{name}/2.jpg")
    content = look_through("d", recursive=True)
    assert (content.images, content.left_out) == (["d/1.jpg"], [])


def test_a_system_folder_is_looked_through_if_it_is_asked_for() -> None:
    touch("lost+found/1.jpg")
    assert find_images("lost+found") == ["lost+found/1.jpg"]


def test_linked_folders_are_followed_once_whatever_leads_to_them() -> None:
    touch("store/mon/1.jpg", "set/tue/2.jpg")
    for link in ("set/mon", "set/again"):
        Path(link).symlink_to(Path("store/mon").absolute())
    content = look_through("set", recursive=True)
    assert content.images == ["set/again/1.jpg", "set/tue/2.jpg"]
    assert content.left_out == [LeftOut("set/mon", "linked again")]


def test_a_folder_is_named_by_its_own_path_rather_than_by_a_link() -> None:
    touch("d/z/1.jpg")
    Path("d/a").symlink_to(Path("d/z").absolute())
    content = look_through("d", recursive=True)
    assert (content.images, content.left_out) == (["d/z/1.jpg"], [LeftOut("d/a", "linked again")])


def test_links_in_a_circle_end() -> None:
    touch("d/1.jpg", "d/sub/2.jpg", "beside/3.jpg")
    Path("d/sub/self").symlink_to("self")
    Path("d/sub/up").symlink_to(Path().absolute())
    content = look_through("d", recursive=True)
    assert content.images == ["d/1.jpg", "d/sub/2.jpg", "d/sub/up/beside/3.jpg"]
    assert content.left_out == []


def test_a_broken_link_is_left_out_with_a_word() -> None:
    touch("d/1.jpg")
    Path("d/2.jpg").symlink_to("nowhere.jpg")
    content = look_through("d")
    assert (content.images, content.left_out) == (["d/1.jpg"], [LeftOut("d/2.jpg", "broken link")])


def test_copies_that_were_drawn_on_are_left_out_with_a_word() -> None:
    touch("d/plain-annotated.jpg")
    for name, comment in (("1-annotated", "annotated"), ("1-explained-2", "explained"), ("2-explained", "annotated")):
        image = Image.new("RGB", (8, 8))
        image.save(f"d/{name}.jpg", comment=f"{comment} by edge-infer".encode())
    said: list[str] = []
    assert list(expand(["d"], report=said.append)) == ["d/2-explained.jpg", "d/plain-annotated.jpg"]
    assert said == ["d: 2 copies drawn by edge-infer left out (d/1-annotated.jpg, d/1-explained-2.jpg)"]
    assert list(expand(["d/1-annotated.jpg"])) == ["d/1-annotated.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_of_such_a_name_is_not_waited_for() -> None:
    Path("d").mkdir()
    os.mkfifo("d/1-annotated.jpg")
    assert find_images("d") == ["d/1-annotated.jpg"]


def test_files_of_formats_that_are_not_read_are_counted_and_named() -> None:
    touch("d/1.jpg", *(f"d/IMG_{n}.HEIC" for n in (10, 2, 3, 4)), "d/x.nef", "d/notes.txt", "d/._IMG_2.HEIC")
    said: list[str] = []
    assert list(expand(["d"], report=said.append)) == ["d/1.jpg"]
    assert said == [
        "d: 4 HEIC files are left out (d/IMG_2.HEIC, d/IMG_3.HEIC, d/IMG_4.HEIC, …): "
        "convert to JPEG or PNG to use them",
        "d: 1 camera RAW file is left out (d/x.nef): convert to JPEG or PNG to use them",
    ]


def test_a_folder_of_nothing_else_says_what_it_holds() -> None:
    touch("d/IMG_1.HEIC")
    (failed,) = expand(["d"], recursive=True)
    assert isinstance(failed, FailedInput)
    assert isinstance(failed.error, NoImagesError)
    assert str(failed.error) == (
        "d holds no pictures; 1 HEIC file is left out (d/IMG_1.HEIC): convert to JPEG or PNG to use them"
    )


def test_an_unreadable_sub_folder_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("d/1.jpg", "d/locked/2.jpg", "d/open/3.jpg")
    scan = os.scandir

    def locked(path: str) -> object:
        if path == "d/locked":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)  # root may read everything
    content = look_through("d", recursive=True)
    assert content.images == ["d/1.jpg", "d/open/3.jpg"]
    assert summarize(content.left_out) == ["1 folder cannot be read (d/locked): Permission denied"]


def test_two_stars_with_recursive_give_each_picture_once() -> None:
    touch("tree/1.jpg", "tree/a/2.jpg", "tree/a/b/3.jpg")
    expected = ["tree/1.jpg", "tree/a/2.jpg", "tree/a/b/3.jpg"]
    assert list(expand(["tree/**"], recursive=True)) == expected
    assert sorted(expand(["tree/**/*"], recursive=True)) == expected


def test_names_on_standard_input_are_given_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("0.jpg", "4.jpg")
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as stdin, os.fdopen(writing, "wb", buffering=0) as writer:
        monkeypatch.setattr("sys.stdin", stdin)
        groups = expand_in_groups(["0.jpg", "@-", "4.jpg"])
        assert next(groups) == ["0.jpg"]
        for burst, names in ((b"1.jpg\n", ["1.jpg"]), (b"2.jpg\r\n3.j", ["2.jpg"]), (b"pg\n\n", ["3.jpg"])):
            writer.write(burst)
            assert next(groups) == names
        writer.close()
        assert list(groups) == [["4.jpg"]]


def test_a_name_without_an_end_on_standard_input_is_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1.jpg\n" + b"x" * 100_000)))
    good, failed = expand(["@-"])
    assert good == "1.jpg"
    assert isinstance(failed, FailedInput)
    assert str(failed.error) == "list - cannot be read: File name too long"

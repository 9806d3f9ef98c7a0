import io
import os
import sys
from pathlib import Path

import pytest

from edge_infer.errors import ImageNotFoundError, NoImagesError
from edge_infer.pictures.finding.folders import SUFFIXES, find_images
from edge_infer.pictures.finding.sources import expand
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


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="ascii"))


def failure(arguments: list[str], **options: bool) -> tuple[str | None, type[Exception], str]:
    """Return the source, type and message of the one failure that the arguments give."""
    (failed,) = expand(arguments, **options)
    assert isinstance(failed, FailedInput)
    return failed.source, type(failed.error), str(failed.error)


def test_paths_keep_their_order_and_spelling() -> None:
    touch("b.jpg", "a.jpg", "d/c.png")
    assert list(expand(["b.jpg", "./a.jpg", "d/../d/c.png", "b.jpg"])) == ["b.jpg", "./a.jpg", "d/../d/c.png", "b.jpg"]


def test_a_missing_file_is_passed_on_for_the_loader_to_name() -> None:
    assert list(expand(["missing.jpg"])) == ["missing.jpg"]


def test_a_file_is_taken_whatever_its_suffix() -> None:
    touch("picture", "notes.txt")
    assert list(expand(["picture", "notes.txt"])) == ["picture", "notes.txt"]


def test_a_folder_gives_its_pictures_sorted() -> None:
    touch("d/b.JPG", "d/a.png", "d/C.webp", "d/.hidden.jpg", "d/notes.txt", "d/jpg", "d/sub/e.jpg")
    assert list(expand(["d"])) == ["d/C.webp", "d/a.png", "d/b.JPG"]


def test_recursive_descends_in_sorted_order_past_hidden_folders() -> None:
    touch("d/z.jpg", "d/b/2.jpg", "d/b/1.jpg", "d/a/x/3.jpg", "d/.git/4.jpg", "d/b/.5.jpg", "d/b/6.txt")
    assert list(expand(["d"], recursive=True)) == ["d/z.jpg", "d/a/x/3.jpg", "d/b/1.jpg", "d/b/2.jpg"]


def test_a_folder_between_files_keeps_its_place() -> None:
    touch("1.jpg", "d/2.jpg", "3.jpg")
    assert list(expand(["3.jpg", "d", "1.jpg"])) == ["3.jpg", "d/2.jpg", "1.jpg"]


def test_a_trailing_slash_changes_nothing_but_itself() -> None:
    touch("d/1.jpg")
    assert list(expand(["d/"])) == ["d/1.jpg"]


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_picture_suffix_is_found_in_both_cases(suffix: str) -> None:
    touch(f"d/a{suffix}", f"d/b{suffix.upper()}")
    assert find_images("d") == [f"d/a{suffix}", f"d/b{suffix.upper()}"]


def test_find_images_takes_a_path_object() -> None:
    touch("d/1.jpg")
    assert find_images(Path("d")) == ["d/1.jpg"]


def test_a_folder_without_pictures_is_one_failure() -> None:
    touch("d/notes.txt", "d/sub/1.jpg")
    assert failure(["d"]) == ("d", NoImagesError, "d holds no pictures (--recursive looks into its sub-folders)")


def test_an_empty_tree_is_one_failure_without_a_hint() -> None:
    touch("d/sub/notes.txt")
    assert failure(["d"], recursive=True) == ("d", NoImagesError, "d holds no pictures")


def test_a_link_in_a_circle_is_not_followed() -> None:
    touch("d/1.jpg")
    Path("d/again").symlink_to(Path("d").absolute())
    assert list(expand(["d"], recursive=True)) == ["d/1.jpg"]


def test_a_dangling_link_is_passed_on_for_the_loader_to_name() -> None:
    Path("gone*.jpg").symlink_to("nowhere")
    assert list(expand(["gone*.jpg"])) == ["gone*.jpg"]


# Patterns


def test_a_pattern_gives_its_matches_sorted() -> None:
    touch("b2.jpg", "b1.jpg", "a.jpg", "b3.png", ".b4.jpg")
    assert list(expand(["b*.jpg"])) == ["b1.jpg", "b2.jpg"]
    assert list(expand(["b[13].*"])) == ["b1.jpg", "b3.png"]
    assert list(expand(["?.jpg"])) == ["a.jpg"]


def test_two_stars_descend() -> None:
    touch("d/1.jpg", "d/a/2.jpg", "d/a/b/3.jpg", "d/a/b/4.txt")
    assert list(expand(["d/**/*.jpg"])) == ["d/1.jpg", "d/a/2.jpg", "d/a/b/3.jpg"]


def test_folders_that_match_are_opened_only_recursively() -> None:
    touch("d/1.jpg", "d/sub/2.jpg")
    assert list(expand(["d/*"])) == ["d/1.jpg"]
    assert list(expand(["d/*"], recursive=True)) == ["d/1.jpg", "d/sub/2.jpg"]


def test_a_pattern_without_matches_is_one_failure() -> None:
    assert failure(["*.jpg"]) == ("*.jpg", NoImagesError, "*.jpg matches no file")


@pytest.mark.parametrize("name", ["a*.jpg", "photo[1].jpg", "what?.jpg", "@home.jpg", "@", "**"])
def test_a_name_that_exists_is_no_pattern_and_no_list(name: str) -> None:
    touch(name, "a1.jpg", "photo1.jpg", "whats.jpg")
    assert list(expand([name])) == [name]


@pytest.mark.parametrize(
    "name", ["two words.jpg", " lead.jpg", "été 日本 😀.png", "new\nline.jpg", "q'uo\"te.jpg", "-x.jpg"]
)
def test_unusual_names_are_found(name: str) -> None:
    touch(f"d/{name}")
    assert list(expand(["d"])) == [f"d/{name}"]
    assert list(expand(["d/*"])) == [f"d/{name}"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_not_utf_8_is_found() -> None:
    Path("d").mkdir()
    Path(os.fsdecode(b"d/caf\xe9.jpg")).touch()
    assert [os.fsencode(path) for path in expand(["d"])] == [b"d/caf\xe9.jpg"]


# Lists


def test_a_list_gives_its_lines_in_order() -> None:
    touch("d/2.jpg", "d/1.jpg")
    Path("list.txt").write_text("b.jpg\nd\n\n   \ntwo words.jpg\nété.jpg", encoding="utf-8")
    assert list(expand(["@list.txt"])) == ["b.jpg", "d/1.jpg", "d/2.jpg", "two words.jpg", "été.jpg"]


@pytest.mark.parametrize("text", [b"a.jpg\r\nb.jpg\r\n", b"\xef\xbb\xbfa.jpg\nb.jpg", b"\n\na.jpg\n\n\nb.jpg\n\n"])
def test_lists_of_any_editor_are_read(text: bytes) -> None:
    Path("list.txt").write_bytes(text)
    assert list(expand(["@list.txt"])) == ["a.jpg", "b.jpg"]


def test_only_line_ends_separate_the_names_of_a_list() -> None:
    Path("list.txt").write_text("a\u2028b.jpg\nc\x0cd.jpg\ne\x85f.jpg", encoding="utf-8")
    assert list(expand(["@list.txt"])) == ["a\u2028b.jpg", "c\x0cd.jpg", "e\x85f.jpg"]


def test_a_line_of_a_list_is_a_plain_path() -> None:
    touch("1.jpg")
    Path("list.txt").write_text("*.jpg\n@other.txt\n-\n", encoding="utf-8")
    assert list(expand(["@list.txt"])) == ["*.jpg", "@other.txt", "-"]


def test_recursive_reaches_the_folders_of_a_list() -> None:
    touch("d/sub/1.jpg")
    Path("list.txt").write_text("d\n", encoding="utf-8")
    assert list(expand(["@list.txt"], recursive=True)) == ["d/sub/1.jpg"]
    assert failure(["@list.txt"])[0] == "d"


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_list_is_one_failure(content: bytes) -> None:
    Path("list.txt").write_bytes(content)
    assert failure(["@list.txt"]) == ("@list.txt", NoImagesError, "list list.txt names no pictures")


@pytest.mark.parametrize("text", ["a.jpg\nb.jpg\n", "été.jpg"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_list_in_utf_16_is_one_failure(text: str, encoding: str) -> None:
    Path("list.txt").write_bytes(("\ufeff" * (encoding != "utf-16") + text).encode(encoding))
    message = "list list.txt cannot be read: it is not UTF-8 text"
    assert failure(["@list.txt"]) == ("@list.txt", ImageNotFoundError, message)


@pytest.mark.parametrize(
    ("argument", "reason"), [("@missing.txt", "No such file or directory"), ("@d", "Is a directory")]
)
def test_a_list_that_cannot_be_read_is_one_failure(argument: str, reason: str) -> None:
    Path("d").mkdir()
    message = f"list {argument[1:]} cannot be read: {reason}"
    assert failure([argument]) == (argument, ImageNotFoundError, message)


# Standard input


def test_a_dash_is_one_picture_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b"\x89PNG\r\n\xff")
    (picture,) = expand(["-"])
    assert picture.read() == b"\x89PNG\r\n\xff"
    assert picture.name == "-"


def test_at_dash_is_a_list_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "été.jpg\r\nb.jpg\n".encode())
    assert list(expand(["@-"])) == ["été.jpg", "b.jpg"]


def test_a_listed_name_that_is_not_utf_8_stands_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    names = b"a.jpg\ncaf\xe9.jpg\nb.jpg\n"
    type_in(monkeypatch, names)
    assert [os.fsencode(name) for name in expand(["@-"])] == names.split()
    Path("list.txt").write_bytes(names)
    assert [os.fsencode(name) for name in expand(["@list.txt"])] == names.split()


def test_a_list_in_utf_16_on_standard_input_is_one_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "a.jpg\n".encode("utf-16"))
    assert failure(["@-"]) == ("@-", ImageNotFoundError, "list - cannot be read: it is not UTF-8 text")


def test_a_closed_standard_input_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    (picture,) = expand(["-"])
    assert picture.read() == b""
    assert failure(["@-"]) == ("@-", NoImagesError, "list - names no pictures")


def test_arguments_are_expanded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    sources = expand(["1.jpg", "@missing.txt"])
    assert next(sources) == "1.jpg"
    Path("missing.txt").write_text("2.jpg", encoding="utf-8")
    assert next(sources) == "2.jpg"

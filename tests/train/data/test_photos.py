"""Labelled photos on disk."""

from hashlib import sha256
from pathlib import Path

import pytest

from tests.conftest import drawn
from tests.train.conftest import write_photos
from train.data.photos import class_counts, find_photos, labels_of, sha256_file
from train.errors import DataError


def test_class_folders_give_sorted_photos_without_a_part(tmp_path: Path):
    write_photos(tmp_path, count=2)
    photos = find_photos(tmp_path)
    assert [str(photo.path.relative_to(tmp_path)) for photo in photos] == [
        f"{label}/{label}_{number}.png" for label in ("blue", "green", "red") for number in (0, 1)
    ]
    assert [photo.label for photo in photos] == ["blue", "blue", "green", "green", "red", "red"]
    assert {photo.part for photo in photos} == {None}
    assert photos[0].sha256 == sha256(photos[0].path.read_bytes()).hexdigest()
    assert labels_of(photos) == ("blue", "green", "red")
    assert class_counts(photos) == {"blue": 2, "green": 2, "red": 2}


def test_train_and_test_folders_fix_the_test_only(tmp_path: Path):
    write_photos(tmp_path / "train", count=3)
    write_photos(tmp_path / "test", count=1, seed=50)
    assert [photo.part for photo in find_photos(tmp_path)] == [None] * 9 + ["test"] * 3


def test_a_validation_folder_fixes_all_parts(tmp_path: Path):
    write_photos(tmp_path / "train", count=2)
    write_photos(tmp_path / "validation", count=1, seed=50)
    write_photos(tmp_path / "test", count=1, seed=60)
    assert [photo.part for photo in find_photos(tmp_path)] == ["train"] * 6 + ["validation"] * 3 + ["test"] * 3


def test_a_test_folder_can_lie_apart(tmp_path: Path):
    write_photos(tmp_path / "photos", count=2)
    write_photos(tmp_path / "elsewhere", count=1, seed=50)
    photos = find_photos(tmp_path / "photos", tmp_path / "elsewhere")
    assert [photo.part for photo in photos] == [None] * 6 + ["test"] * 3
    assert photos[-1].path == tmp_path / "elsewhere" / "red" / "red_0.png"


def test_photos_in_sub_folders_count_and_other_files_do_not(tmp_path: Path):
    write_photos(tmp_path, count=1)
    (tmp_path / "red" / "notes.txt").write_text("no photo")
    (tmp_path / "red" / ".hidden.png").write_bytes(b"")
    (tmp_path / ".cache").mkdir()
    (tmp_path / "red" / "more").mkdir()
    drawn((200, 0, 0), seed=9).save(tmp_path / "red" / "more" / "deep.png")
    assert [photo.path.name for photo in find_photos(tmp_path) if photo.label == "red"] == ["red_0.png", "deep.png"]
    assert class_counts(find_photos(tmp_path)) == {"blue": 1, "green": 1, "red": 2}


@pytest.mark.parametrize(("labels", "found"), [((), "none"), (("red",), "only red")], ids=["empty folder", "one class"])
def test_fewer_than_two_classes_are_refused(tmp_path: Path, labels: tuple[str, ...], found: str):
    write_photos(tmp_path, labels=labels)
    with pytest.raises(DataError) as caught:
        find_photos(tmp_path)
    assert str(caught.value) == f"{tmp_path} needs at least two class folders with photos, found {found}"


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(DataError) as caught:
        find_photos(tmp_path / "nowhere")
    assert str(caught.value) == f"data folder {tmp_path / 'nowhere'} does not exist"
    write_photos(tmp_path / "photos", count=1)
    with pytest.raises(DataError) as caught:
        find_photos(tmp_path / "photos", tmp_path / "nowhere")
    assert str(caught.value) == f"test folder {tmp_path / 'nowhere'} does not exist"


def test_an_empty_class_folder_is_named(tmp_path: Path):
    write_photos(tmp_path, count=1)
    (tmp_path / "violet").mkdir()
    with pytest.raises(DataError) as caught:
        find_photos(tmp_path)
    assert str(caught.value) == f"class folder {tmp_path / 'violet'} holds no photos: add some, or remove it"


def test_other_classes_in_the_test_are_named(tmp_path: Path):
    write_photos(tmp_path / "train", count=1)
    write_photos(tmp_path / "test", count=1, labels=("blue", "red"))
    (tmp_path / "test" / "violet").mkdir()
    drawn((120, 0, 200)).save(tmp_path / "test" / "violet" / "violet.png")
    with pytest.raises(DataError) as caught:
        find_photos(tmp_path)
    assert str(caught.value) == (
        f"the classes of {tmp_path / 'test'} differ from those of {tmp_path / 'train'}: it lacks green; adds violet"
    )


def test_two_test_folders_are_refused(tmp_path: Path):
    write_photos(tmp_path / "data" / "train", count=1)
    write_photos(tmp_path / "data" / "test", count=1)
    write_photos(tmp_path / "elsewhere", count=1)
    with pytest.raises(DataError, match=r"has a test folder of its own: give --test or .*test, not both"):
        find_photos(tmp_path / "data", tmp_path / "elsewhere")


def test_a_part_that_goes_by_another_name_is_not_ignored(tmp_path: Path):
    write_photos(tmp_path / "train", count=1)
    write_photos(tmp_path / "holdout", count=1)
    with pytest.raises(DataError, match=r"beside it holdout: only train, validation, test folders are known"):
        find_photos(tmp_path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path):
    (tmp_path / "lost.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(DataError, match=r"lost\.jpg cannot be read: No such file"):
        sha256_file(tmp_path / "lost.jpg")

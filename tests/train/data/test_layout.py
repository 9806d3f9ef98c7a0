"""The layouts that people give their data sets."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import drawn
from tests.train.conftest import write_photos
from train.data.photos import find_photos
from train.errors import DataError


def found(data: Path, test: Path | None = None) -> tuple[dict[tuple[str | None, str], int], list[str]]:
    """Return the number of photos by part and label, and what was reported, without the folder's own path."""
    reported: list[str] = []
    photos = find_photos(data, test, reported.append)
    counts = Counter((photo.part, photo.label) for photo in photos)
    return dict(counts), [line.replace(f"{data}/", "").replace(f"{data}", "DATA") for line in reported]


def refusal(data: Path) -> str:
    with pytest.raises(DataError) as caught:
        find_photos(data)
    return str(caught.value).replace(f"{data}/", "").replace(f"{data}", "DATA")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("Train", "Test"),
        ("training_set", "test_set"),
        ("trainset", "testset"),
        ("TRAIN_DATA", "Test Images"),
        ("train-images", "test.photos"),
    ],
)
def test_train_and_test_folders_go_by_many_names(tmp_path: Path, train: str, test: str):
    write_photos(tmp_path / train, count=3, labels=("man", "woman"))
    write_photos(tmp_path / test, count=1, labels=("man", "woman"), seed=50)
    counts, reported = found(tmp_path)
    assert counts == {(None, "man"): 3, (None, "woman"): 3, ("test", "man"): 1, ("test", "woman"): 1}
    assert sorted(reported) == sorted([f"{test} is read as the test folder", f"{train} is read as the train folder"])


@pytest.mark.parametrize("name", ["Validation", "valid", "val", "val_set", "VALIDATION-DATA"])
def test_a_validation_folder_goes_by_many_names(tmp_path: Path, name: str):
    for part, seed in (("train", 0), (name, 50), ("test", 60)):
        write_photos(tmp_path / part, count=1, labels=("man", "woman"), seed=seed)
    counts, _ = found(tmp_path)
    assert {part for part, _ in counts} == {"train", "validation", "test"}


def test_validation_without_test_leaves_the_test_to_be_drawn(tmp_path: Path):
    write_photos(tmp_path / "Training", count=4, labels=("female", "male"))
    write_photos(tmp_path / "Validation", count=2, labels=("female", "male"), seed=50)
    counts, _ = found(tmp_path)
    assert counts == {(None, "female"): 4, (None, "male"): 4, ("validation", "female"): 2, ("validation", "male"): 2}


def test_what_an_archive_wraps_is_found(tmp_path: Path):
    write_photos(tmp_path / "archive" / "Train" / "images", count=2, labels=("female", "male"))
    write_photos(tmp_path / "archive" / "Test" / "images", count=1, labels=("female", "male"), seed=50)
    counts, reported = found(tmp_path)
    assert counts == {(None, "female"): 2, (None, "male"): 2, ("test", "female"): 1, ("test", "male"): 1}
    assert "archive is read as the data folder: DATA holds nothing else" in reported


def test_a_class_may_be_called_train_or_valid(tmp_path: Path):
    write_photos(tmp_path / "vehicles", count=1, labels=("bus", "test", "train"))
    assert set(found(tmp_path / "vehicles")[0]) == {(None, "bus"), (None, "test"), (None, "train")}
    write_photos(tmp_path / "tickets", count=1, labels=("invalid", "valid"))
    assert set(found(tmp_path / "tickets")[0]) == {(None, "invalid"), (None, "valid")}


def test_a_part_by_an_unknown_name_ends_with_the_names_that_are_known(tmp_path: Path):
    for part, seed in (("training_set", 0), ("test_set", 50), ("single_prediction", 60)):
        write_photos(tmp_path / part, count=1, labels=("cat", "dog"), seed=seed)
    assert refusal(tmp_path) == (
        "DATA has a training_set folder, and beside it single_prediction: "
        "only train, validation, test folders are known, so rename or move it"
    )


def test_two_folders_for_one_part_are_refused(tmp_path: Path):
    for part, seed in (("train", 0), ("val", 50), ("valid", 60)):
        write_photos(tmp_path / part, count=1, seed=seed)
    assert refusal(tmp_path) == "valid and val are both validation folders: merge them, or move one away"


def test_parts_without_a_train_folder_are_refused(tmp_path: Path):
    for part in ("Test", "Validation"):
        write_photos(tmp_path / part, count=1)
    assert refusal(tmp_path) == "DATA has no train folder beside Test and Validation: one must be called train"


def test_parts_inside_classes_are_refused(tmp_path: Path):
    for label in ("agate", "opal"):
        write_photos(tmp_path / label, count=1, labels=("train", "test"))
    assert refusal(tmp_path) == (
        "class folder agate holds train and test folders: put the class folders into train and test instead"
    )


def test_photos_beside_the_class_folders_are_reported(tmp_path: Path):
    write_photos(tmp_path, count=1, labels=("opal", "ruby"))
    for number in (10, 2, 1, 3):
        drawn((9, 9, 9), seed=number).save(tmp_path / f"ruby_{number}.png")
    counts, reported = found(tmp_path)
    assert counts == {(None, "opal"): 1, (None, "ruby"): 1}
    assert reported == [
        "DATA: 4 photos lie beside the class folders and are left out (ruby_1.png, ruby_2.png, ruby_3.png, …)"
    ]


@pytest.mark.parametrize("names", [("Ruby", "ruby"), ("ruby", "ruby "), ("red ruby", "Red  Ruby")])
def test_classes_that_differ_only_in_case_or_spaces_are_refused(tmp_path: Path, names: tuple[str, str]):
    write_photos(tmp_path, count=1, labels=("opal", *names))
    first, second = sorted(names)
    assert refusal(tmp_path) == (
        f"class folders '{first}' and '{second}' of DATA differ only in case, spaces or Unicode form: "
        "merge them, or give them names that differ"
    )


def test_two_unicode_forms_of_a_class_are_refused_in_one_folder_and_one_class_across_parts(tmp_path: Path):
    composed, decomposed = (unicodedata.normalize(form, "Améthyste") for form in ("NFC", "NFD"))
    write_photos(tmp_path / "both", count=1, labels=(composed, decomposed, "Opale"))
    assert "differ only in case, spaces or Unicode form" in refusal(tmp_path / "both")
    write_photos(tmp_path / "parts" / "train", count=2, labels=(decomposed, "Opale"))
    write_photos(tmp_path / "parts" / "test", count=1, labels=(composed, "Opale"), seed=50)
    counts, reported = found(tmp_path / "parts")
    assert counts == {(None, composed): 2, (None, "Opale"): 2, ("test", composed): 1, ("test", "Opale"): 1}
    assert reported == [f"train/{decomposed}: its name is taken in Unicode's composed form (NFC), as {composed}"]


def test_parts_whose_classes_differ_only_in_case_are_told_so(tmp_path: Path):
    write_photos(tmp_path / "train", count=1, labels=("opal", "ruby"))
    write_photos(tmp_path / "test", count=1, labels=("Opal", "ruby"), seed=50)
    assert refusal(tmp_path) == (
        "the classes of test differ from those of train: it lacks opal; adds Opal: "
        "the names differ only in case or spaces, so give each class one name"
    )


def test_thumbnails_of_a_share_are_not_trained_on_and_files_that_are_not_read_are_named(tmp_path: Path):
    write_photos(tmp_path, count=1, labels=("agate", "opal"))
    for folder in (tmp_path / "@eaDir", tmp_path / "agate" / "@eaDir" / "agate_0.png"):
        folder.mkdir(parents=True)
        drawn((1, 2, 3)).save(folder / "SYNOPHOTO_THUMB_M.png")
    for number in range(9):
        (tmp_path / "opal" / f"IMG_{number}.HEIC").touch()
    counts, reported = found(tmp_path)
    assert counts == {(None, "agate"): 1, (None, "opal"): 1}
    assert [line.split(" (")[0] for line in reported] == ["opal: 9 HEIC files are left out"]


def test_linked_sub_folders_count_as_what_they_lead_to(tmp_path: Path):
    write_photos(tmp_path / "store", count=4, labels=("agate", "opal"))
    for label in ("agate", "opal"):
        (tmp_path / "set" / label).mkdir(parents=True)
        (tmp_path / "set" / label / "mon").symlink_to(tmp_path / "store" / label)
    assert found(tmp_path / "set") == ({(None, "agate"): 4, (None, "opal"): 4}, [])

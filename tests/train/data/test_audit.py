"""The audit finds what spoils a measurement, and says it in words and in JSON."""

import shutil
from pathlib import Path

import pytest

from tests.train.conftest import write_photos
from train.data.audit import audit, describe, summarize
from train.data.dataset import Dataset
from train.errors import DataError


@pytest.fixture
def flawed(tmp_path: Path) -> Path:
    """Photos with a copy in the same class, one in another class, one in the test, and two broken files."""
    write_photos(tmp_path / "train", count=4)
    write_photos(tmp_path / "test", count=1, seed=50)
    train, test = tmp_path / "train", tmp_path / "test"
    shutil.copy(train / "red" / "red_0.png", train / "red" / "twin.png")
    shutil.copy(train / "red" / "red_1.png", train / "blue" / "mislabelled.png")
    shutil.copy(train / "green" / "green_2.png", test / "green" / "leaked.png")
    (train / "blue" / "broken.jpg").write_bytes(b"no photo")
    (train / "blue" / "empty.png").write_bytes(b"")
    return tmp_path


def test_every_flaw_is_found(flawed: Path):
    record = audit(Dataset(flawed)).to_record()
    assert record["photos"] == 20
    assert record["class_counts"] == {"blue": 8, "green": 6, "red": 6}
    assert sorted(Path(path).name for path in record["unreadable"]) == ["broken.jpg", "empty.png"]
    found = {
        tuple(Path(file).name for file in pair["files"]): (pair["crosses_classes"], pair["crosses_parts"])
        for pair in record["duplicates"]
    }
    assert found == {
        ("red_0.png", "twin.png"): (False, False),
        ("mislabelled.png", "red_1.png"): (True, False),
        ("green_2.png", "leaked.png"): (False, True),
    }
    assert {(pair["exact"], pair["distance"]) for pair in record["duplicates"]} == {(True, 0)}


def test_the_worst_findings_are_told_first(flawed: Path):
    train, test = flawed / "train", flawed / "test"
    first, *lines = describe(audit(Dataset(flawed))).splitlines()
    assert first == "20 photos in 3 classes, 6 to 8 a class: blue 8, green 6, red 6"
    assert lines[0] == "Unreadable: 2"
    assert lines[1].startswith(f"  {train / 'blue' / 'broken.jpg'} is not a picture")
    assert lines[2].startswith(f"  {train / 'blue' / 'empty.png'} is empty")
    assert lines[3:] == [
        "Duplicates under different labels: 1",
        f"  exact    {train / 'blue' / 'mislabelled.png'}  {train / 'red' / 'red_1.png'}",
        "Duplicates across parts: 1",
        f"  exact    {train / 'green' / 'green_2.png'}  {test / 'green' / 'leaked.png'}",
        "Other duplicates: 1",
        f"  exact    {train / 'red' / 'red_0.png'}  {train / 'red' / 'twin.png'}",
    ]


def test_a_clean_folder_is_called_clean(tmp_path: Path):
    write_photos(tmp_path, count=3)
    assert describe(audit(Dataset(tmp_path))).splitlines() == [
        "9 photos in 3 classes, 3 to 3 a class: blue 3, green 3, red 3",
        "Unreadable: none",
        "Duplicates under different labels: none",
        "Duplicates across parts: none",
        "Other duplicates: none",
    ]


def test_imbalance_is_told_from_threefold_on(tmp_path: Path):
    write_photos(tmp_path, count=2, labels=("red", "blue"))
    write_photos(tmp_path / "more", count=5, labels=("green",))
    (tmp_path / "more" / "green").rename(tmp_path / "red" / "more")
    (tmp_path / "more").rmdir()
    words = describe(audit(Dataset(tmp_path)))
    assert "Unbalanced: the largest class has 3.5 times the photos of the smallest." in words


def test_no_photos_are_no_audit(tmp_path: Path):
    with pytest.raises(DataError, match="needs at least two class folders"):
        audit(Dataset(tmp_path))


def test_the_summary_counts_without_naming(flawed: Path):
    assert summarize(audit(Dataset(flawed))).splitlines() == [
        "20 photos in 3 classes, 6 to 8 a class: blue 8, green 6, red 6",
        "Unreadable: 2",
        "Duplicates under different labels: 1",
        "Duplicates across parts: 1",
        "Other duplicates: 1",
    ]

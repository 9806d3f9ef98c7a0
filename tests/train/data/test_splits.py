"""Splits: deterministic, stratified, never between two duplicates, frozen by file hash."""

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.train.conftest import pretend_photos, write_photos
from train.data.photos import Photo, find_photos
from train.data.run_data import RunData
from train.data.splits import Ratios, Split, check_class_sizes, copy_split, load_split, make_split
from train.errors import DataError, RunFolderError
from train.files import read_json

RATIOS = Ratios(78, 12, 10)
PHOTOS = pretend_photos({"a": 40, "b": 60, "c": 33})


def apart(photos: list[Photo]) -> np.ndarray:
    """No two photos are duplicates."""
    return np.arange(len(photos))


def counts(split: Split, photos: list[Photo], label: str) -> dict[str, int]:
    return Counter(split.parts[photo.sha256] for photo in photos if photo.label == label)


def test_a_split_follows_from_the_seed():
    first, again, other = (make_split(PHOTOS, apart(PHOTOS), RATIOS, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.parts != other.parts


@pytest.mark.parametrize("seed", range(5))
def test_every_class_is_divided_by_the_ratios(seed: int):
    split = make_split(PHOTOS, apart(PHOTOS), RATIOS, seed=seed)
    for label, total in (("a", 40), ("b", 60), ("c", 33)):
        found = counts(split, PHOTOS, label)
        assert found["test"] == pytest.approx(0.10 * total, abs=1)
        assert found["validation"] == pytest.approx(0.12 * total, abs=1)
        assert sum(found.values()) == total


@pytest.mark.parametrize("seed", range(5))
def test_a_long_series_does_not_fill_a_class_share(seed: int):
    groups = apart(PHOTOS)
    groups[:15] = 0  # of class a
    split = make_split(PHOTOS, groups, RATIOS, seed=seed)
    assert counts(split, PHOTOS, "a") == {"train": 31, "validation": 5, "test": 4}


def test_a_class_of_long_series_gives_one_of_them():
    photos = pretend_photos({"a": 40, "b": 40})
    groups = np.concatenate([np.arange(40) // 8, np.arange(40, 80)])
    split = make_split(photos, groups, RATIOS, seed=1)
    assert counts(split, photos, "a") == {"train": 24, "validation": 8, "test": 8}
    assert counts(split, photos, "b") == {"train": 31, "validation": 5, "test": 4}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=36, max_size=36), st.integers(0, 1000))
def test_no_duplicates_end_up_in_different_parts(drawn_groups: list[int], seed: int):
    photos = pretend_photos({"a": 24, "b": 24})
    # Random groups, also across classes; the last photos of each class stay alone.
    alone = list(range(100, 112))
    groups = np.array(drawn_groups[:18] + alone[:6] + drawn_groups[18:] + alone[6:])
    split = make_split(photos, groups, Ratios(60, 20, 20), seed=seed)
    for group in set(groups):
        assert len({split.parts[photo.sha256] for photo, g in zip(photos, groups, strict=True) if g == group}) == 1
    assert set(split.parts) == {photo.sha256 for photo in photos}


def test_a_frozen_test_is_kept_and_the_rest_divided_in_proportion():
    rest, frozen = pretend_photos({"a": 45, "b": 45}), pretend_photos({"a": 5, "b": 5}, "test")
    split = make_split(rest + frozen, apart(rest + frozen), RATIOS, seed=1)
    assert split.photos(rest + frozen, "test") == frozen
    for label in ("a", "b"):
        assert counts(split, rest, label) == {"validation": 45 * 12 / 90, "train": 45 * 78 / 90}


def test_fixed_parts_are_kept():
    parts = {part: pretend_photos({"a": 6, "b": 6}, part) for part in ("train", "validation", "test")}
    photos = [photo for part in parts.values() for photo in part]
    split = make_split(photos, apart(photos), RATIOS, seed=1)
    assert {part: split.photos(photos, part) for part in parts} == parts


def test_duplicates_of_test_photos_are_excluded_unless_asked_for():
    rest, frozen = pretend_photos({"a": 20, "b": 20}), pretend_photos({"a": 2, "b": 2}, "test")
    photos = rest + frozen
    groups = apart(photos)
    groups[[3, 7]] = groups[40]  # two photos show what the first test photo shows
    split = make_split(photos, groups, RATIOS, seed=1)
    assert [i for i, photo in enumerate(photos) if split.parts[photo.sha256] == "excluded"] == [3, 7]
    assert split.photos(photos, "test") == frozen
    kept = make_split(photos, groups, RATIOS, seed=1, as_published=True)
    assert "excluded" not in kept.parts.values()
    assert len(kept.photos(photos, "train")) + len(kept.photos(photos, "validation")) == 40


@pytest.mark.parametrize("as_published", [False, True])
@pytest.mark.parametrize("part", [None, "train"], ids=["drawn validation", "fixed validation"])
def test_an_exact_copy_of_a_test_photo_does_not_enlarge_the_test(part: str | None, as_published: bool):
    rest, frozen = pretend_photos({"a": 10, "b": 10}, part), pretend_photos({"a": 2, "b": 2}, "test")
    fixed_validation = [] if part is None else pretend_photos({"a": 2, "b": 2}, "validation")
    rest[4] = replace(rest[4], sha256=frozen[0].sha256)
    photos = rest + fixed_validation + frozen
    groups = apart(photos)
    groups[4] = groups[photos.index(frozen[0])]
    split = make_split(photos, groups, RATIOS, seed=1, as_published=as_published)
    assert split.photos(photos, "test") == frozen
    assert rest[4] not in split.photos(photos, "train") + split.photos(photos, "validation")


def test_exact_copies_in_one_folder_go_together():
    photos = pretend_photos({"a": 20, "b": 20})
    photos[5] = replace(photos[5], sha256=photos[9].sha256)
    groups = apart(photos)
    groups[5] = groups[9]
    split = make_split(photos, groups, RATIOS, seed=1)
    (part,) = {part for part in ("train", "validation", "test") if photos[5] in split.photos(photos, part)}
    assert photos[9] in split.photos(photos, part)


@pytest.mark.parametrize(
    ("ratios", "message"),
    [
        ((70, 20, 20), "split ratios must be at least 0 and sum to 100, got 70 20 20"),
        ((110, -20, 10), "split ratios must be at least 0 and sum to 100, got 110 -20 10"),
        ((0, 50, 50), "split ratios leave nothing to train on"),
    ],
)
def test_ratios_are_checked(ratios: tuple[float, float, float], message: str):
    with pytest.raises(DataError) as caught:
        Ratios(*ratios)
    assert str(caught.value) == message


def test_a_part_without_a_share_stays_empty():
    split = make_split(PHOTOS, apart(PHOTOS), Ratios(80, 20, 0), seed=1)
    assert Counter(split.parts.values()).keys() == {"train", "validation"}
    assert len(split.photos(PHOTOS, "validation")) == 8 + 12 + 7


def test_a_class_that_is_too_small_is_named():
    with pytest.raises(DataError) as caught:
        check_class_sizes(pretend_photos({"a": 9, "rare": 4}))
    assert str(caught.value) == "class rare has 4 photos, at least 5 are needed: add photos or remove the class"
    check_class_sizes(pretend_photos({"a": 9, "rare": 5}))


def test_copies_do_not_make_a_class_large_enough():
    photos = pretend_photos({"a": 9, "rare": 6})
    groups = apart(photos)
    groups[-3:] = groups[-1]
    with pytest.raises(DataError, match=r"^class rare has 4 photos besides duplicates, at least 5 are needed"):
        make_split(photos, groups, RATIOS, seed=1)


def test_a_test_folder_that_repeats_the_training_photos_is_refused():
    rest = pretend_photos({"a": 9, "b": 9})
    frozen = [replace(photo, part="test") for photo in rest]
    with pytest.raises(DataError, match=r"^class a has no photos left to train on once duplicates of test photos"):
        make_split(rest + frozen, np.tile(np.arange(18), 2), RATIOS, seed=1)


def test_a_validation_folder_that_repeats_the_test_folder_is_refused():
    photos = pretend_photos({"a": 9, "b": 9})
    held_out = [
        replace(photo, part=part) for part in ("validation", "test") for photo in pretend_photos({"a": 2, "b": 2}, "x")
    ]
    with pytest.raises(DataError, match=r"^each photo of the validation folder shows what a test photo shows"):
        make_split(photos + held_out, np.append(np.arange(18), np.tile(np.arange(18, 22), 2)), RATIOS, seed=1)


def test_decisions_rest_on_no_duplicate_of_a_test_photo():
    photos = pretend_photos({"a": 9, "b": 9}) + pretend_photos({"a": 3, "b": 3}, "test")
    groups = apart(photos)
    groups[4] = groups[18]  # shows the first test photo
    data = RunData(SimpleNamespace(photos=photos), make_split(photos, groups, RATIOS, seed=1))
    assert data.not_test.tolist() == [i for i in range(18) if i != 4]


def test_a_validation_folder_without_a_test_folder_is_refused():
    photos = pretend_photos({"a": 9, "b": 9}, "train") + pretend_photos({"a": 3, "b": 3}, "validation")
    with pytest.raises(DataError, match="there is a validation folder but no test folder"):
        make_split(photos, apart(photos), RATIOS, seed=1)


def test_with_a_validation_folder_only_the_test_is_drawn_and_without_its_copies():
    photos = pretend_photos({"a": 40, "b": 40}) + pretend_photos({"a": 6, "b": 6}, "validation")
    groups = apart(photos)
    groups[0] = groups[80]  # a copy of the first validation photo
    split = make_split(photos, groups, RATIOS, seed=1)
    assert Counter(split.parts.values()) == {"train": 71, "validation": 12, "test": 9}
    assert [split.parts[photo.sha256] for photo in photos[80:]] == ["validation"] * 12
    assert split.parts[photos[0].sha256] == "train"


def test_the_digest_does_not_depend_on_order_and_sees_every_change():
    split = make_split(PHOTOS, apart(PHOTOS), RATIOS, seed=1)
    backwards = Split(dict(reversed(split.parts.items())))
    assert len(split.digest) == 64
    assert backwards.digest == split.digest
    assert Split(split.parts | {PHOTOS[0].sha256: "elsewhere"}).digest != split.digest


def test_a_saved_split_is_loaded_as_it_was(tmp_path: Path):
    split = make_split(PHOTOS, apart(PHOTOS), RATIOS, seed=1)
    split.save(tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", PHOTOS) == split
    assert read_json(tmp_path / "split.json")["digest"] == split.digest


def test_other_photos_than_the_splits_are_refused(tmp_path: Path):
    make_split(PHOTOS, apart(PHOTOS), RATIOS, seed=1).save(tmp_path / "split.json")
    changed = [replace(PHOTOS[0], sha256="new"), *PHOTOS[1:-1]]
    with pytest.raises(DataError, match=r"not those of .*split\.json: 1 are new and 2 are missing"):
        load_split(tmp_path / "split.json", changed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", count=10)


def copied(folder: Path, destination: Path) -> dict[str, int]:
    photos = find_photos(folder)
    return copy_split(photos, make_split(photos, apart(photos), RATIOS, seed=1), destination)


def test_copy_split_writes_folders_that_give_the_same_split(tmp_path: Path, folder: Path):
    split = make_split(find_photos(folder), np.arange(30), RATIOS, seed=1)
    assert copied(folder, tmp_path / "out") == {"train": 24, "validation": 3, "test": 3}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["split.json", "test", "train", "validation"]
    written = find_photos(tmp_path / "out")
    assert {photo.sha256: photo.part for photo in written} == split.parts
    assert {(photo.label, photo.sha256) for photo in written} == {
        (photo.label, photo.sha256) for photo in find_photos(folder)
    }


def test_copy_split_keeps_files_of_one_name(tmp_path: Path, folder: Path):
    for number in range(5):
        (folder / "red" / f"day {number}").mkdir()
        (folder / "red" / f"red_{number}.png").rename(folder / "red" / f"day {number}" / "same.png")
    assert sum(copied(folder, tmp_path / "out").values()) == 30
    before, after = find_photos(folder), find_photos(tmp_path / "out")
    assert {photo.sha256 for photo in after} == {photo.sha256 for photo in before}
    assert len(after) == 30


def test_copy_split_never_writes_into_an_existing_folder(tmp_path: Path, folder: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("kept")
    with pytest.raises(RunFolderError, match=r"out exists: give a new folder"):
        copied(folder, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError])
def test_an_interrupted_copy_leaves_nothing(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
):
    copyfile, copies = shutil.copyfile, []

    def stop_at_the_seventh(source: Path, target: Path) -> None:
        copies.append(target)
        if len(copies) == 7:
            raise interruption
        copyfile(source, target)

    monkeypatch.setattr("train.data.splits.shutil.copyfile", stop_at_the_seventh)
    with pytest.raises(interruption):
        copied(folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    monkeypatch.undo()
    assert sum(copied(folder, tmp_path / "out").values()) == 30


@pytest.mark.parametrize("as_published", [False, True])
def test_one_picture_under_two_labels_is_left_out_unless_asked_for(as_published: bool):
    photos = pretend_photos({"a": 20, "b": 20})
    photos[25] = replace(photos[25], sha256=photos[9].sha256)
    groups = apart(photos)
    groups[25] = groups[9]
    split = make_split(photos, groups, RATIOS, seed=1, as_published=as_published)
    assert (split.parts[photos[9].sha256] == "excluded") is not as_published
    used = [photo for part in ("train", "validation", "test") for photo in split.photos(photos, part)]
    assert (photos[9] in used, photos[25] in used) == (as_published, as_published)
    assert len(used) == (40 if as_published else 38)

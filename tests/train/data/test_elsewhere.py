"""Photos from elsewhere: where they come from, and which of them are left out."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import drawn
from tests.train.conftest import write_photos
from train.data.dataset import Dataset
from train.data.elsewhere import find_elsewhere, find_strangers, linked, same_kind
from train.data.run_data import read_run_data
from train.errors import DataError
from train.recipes import RECIPES

LABELS = ("blue", "green", "red")


def ignored(_: str) -> None:
    """Take no note."""


def test_sources_and_kinds_are_those_of_the_table(tmp_path: Path):
    folder = write_photos(tmp_path / "more", count=2, labels=("blue", "red"))
    (folder / "sources.csv").write_text("file,class,repo,path,kind\nred/red_0.png,red,a/b,x.png,rough\n")
    found = {sourced.photo.path.name: sourced for sourced in find_elsewhere([folder], LABELS, ignored)}
    assert (found["red_0.png"].source, found["red_0.png"].kind, found["red_0.png"].photo.label) == (
        "a/b",
        "rough",
        "red",
    )
    assert found["red_1.png"].source == f"{folder}/red/red_1.png"
    assert len({sourced.source for sourced in found.values()}) == len(found) == 4


def test_a_folder_in_a_class_folder_is_a_source(tmp_path: Path):
    folder = write_photos(tmp_path / "more", count=3, labels=("blue", "red"))
    (folder / "red" / "shop").mkdir()
    for name in ("red_0.png", "red_1.png"):
        (folder / "red" / name).rename(folder / "red" / "shop" / name)
    sources = [s.source for s in find_elsewhere([folder], LABELS, ignored) if s.photo.label == "red"]
    assert sorted(sources) == [f"{folder}/red/red_2.png", f"{folder}/red/shop", f"{folder}/red/shop"]


def test_a_file_under_two_classes_is_left_out(tmp_path: Path):
    folder = write_photos(tmp_path / "more", count=2, labels=("blue", "red"))
    shutil.copy(folder / "blue" / "blue_0.png", folder / "red" / "same.png")
    notes: list[str] = []
    found = [sourced.photo.path.name for sourced in find_elsewhere([folder], LABELS, notes.append)]
    assert sorted(found) == ["blue_1.png", "red_0.png", "red_1.png"]
    two = f"{folder}/blue/blue_0.png and {folder}/red/same.png"
    assert notes == [f"left out of --more, since one file lies under two classes: {two}"]


def test_photos_that_all_lie_under_two_classes_are_none(tmp_path: Path):
    folder = write_photos(tmp_path / "more", count=1, labels=("blue",))
    shutil.copytree(folder / "blue", folder / "red")
    with pytest.raises(DataError, match=r"more holds no photos of one class: add some, or leave --more out$"):
        find_elsewhere([folder], LABELS, ignored)


def test_a_row_without_its_file_is_told(tmp_path: Path):
    folder = write_photos(tmp_path / "more", count=1, labels=("blue", "red"))
    table = folder / "sources.csv"
    table.write_text("file,repo\n./red/red.png,a/b\nred/red_0.png,a/b\nblue\\blue_0.png,a/b\n")
    notes: list[str] = []
    find_elsewhere([folder], LABELS, notes.append)
    assert notes == [f"2 of the 3 files that {table} names are not there, such as ./red/red.png"]


def test_what_cannot_be_read_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"folder .*none does not exist"):
        find_elsewhere([tmp_path / "none"], LABELS, ignored)
    folder = write_photos(tmp_path / "more", count=1, labels=("blue", "Red"))
    with pytest.raises(DataError, match=r"Red is none of the data set's classes: call it 'red'"):
        find_elsewhere([folder], LABELS, ignored)
    (folder / "sources.csv").write_text("path,repo\na,b\n")
    with pytest.raises(DataError, match=r"sources\.csv lacks the column 'file'"):
        find_elsewhere([folder], LABELS, ignored)
    (folder / "sources.csv").write_bytes(b"file\n\xff\n")
    with pytest.raises(DataError, match=r"sources\.csv cannot be read as CSV"):
        find_elsewhere([folder], LABELS, ignored)


def test_what_the_data_set_has_too_is_left_out(tmp_path: Path):
    own = write_photos(tmp_path / "photos", count=5)
    more = write_photos(tmp_path / "more", count=2, seed=60)
    (more / "red" / "copy.png").write_bytes((own / "red" / "red_0.png").read_bytes())
    (more / "blue" / "again.png").write_bytes((more / "blue" / "blue_0.png").read_bytes())
    dataset = Dataset(own, more=[more])
    data = read_run_data(RECIPES["custom"], dataset)
    assert len(data.elsewhere.photos) == 6
    assert data.elsewhere.targets.tolist() == [0, 0, 1, 1, 2, 2]
    assert dataset.notes == ["left out of --more, since a labelled photo shows the same: 1 of 7"]
    assert len(data.photos) == 15


def test_groups_are_what_shares_a_source_or_a_picture():
    groups = linked(["a", "b", "a", "c", "d"], ["1", "2", "3", "2", "4"])
    assert groups[0] == groups[2]
    assert groups[1] == groups[3]
    assert len(np.unique(groups)) == 3


def test_strangers_have_kinds_and_parts(tmp_path: Path):
    write_photos(tmp_path / "stones", count=1, labels=("Agate", "Blue Lace Agate"))
    write_photos(tmp_path / "none" / "things", count=1, labels=("cup",), seed=20)
    listed = write_photos(tmp_path / "listed", count=2, labels=("rocks",), seed=30)
    (listed / "sources.csv").write_text("file,what,repo\nrocks/rocks_0.png,granite,a/b\n")
    drawn((9, 9, 9), seed=77).save(tmp_path / "none" / "loose.png")
    found = find_strangers([tmp_path / "stones", tmp_path / "none", listed], ignored)
    assert {s.photo.path.name: (s.part, s.kind) for s in found} == {
        "Agate_0.png": ("stones", "Agate"),
        "Blue Lace Agate_0.png": ("stones", "Blue Lace Agate"),
        "cup_0.png": ("things", "cup"),
        "loose.png": ("none", "loose.png"),
        "rocks_0.png": ("rocks", "granite"),
        "rocks_1.png": ("listed", "rocks"),
    }
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no pictures: add some, or leave --others .*empty out"):
        find_strangers([tmp_path / "empty"], ignored)


def test_kinds_of_one_name_are_one_kind():
    groups = same_kind(["Garnet Red", "garnet_green", "Blue Lace Agate", "agate", "Blue Topaz", "cup"])
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert len({groups[0], groups[3], groups[5]}) == 3
    assert len(set(same_kind(["IMG_0001.jpg", "IMG_0002.jpg", "img"]))) == 3  # files that lie in no folder
    assert same_kind([]).tolist() == []


def test_strangers_of_one_kind_alone_are_refused(tmp_path: Path):
    own = write_photos(tmp_path / "photos", count=5)
    others = write_photos(tmp_path / "others", count=3, labels=("agate",), seed=20)
    with pytest.raises(
        DataError, match=r"^--others holds pictures of one kind alone \(agate\), at least two are needed"
    ):
        read_run_data(RECIPES["custom"], Dataset(own, others=[others]))


def test_strangers_that_all_show_labelled_photos_are_refused(tmp_path: Path):
    own = write_photos(tmp_path / "photos", count=5)
    with pytest.raises(DataError, match=r"^each picture of --others shows what a labelled photo shows: give others"):
        read_run_data(RECIPES["custom"], Dataset(own, others=[own]))


def test_the_digest_of_what_is_from_elsewhere_sees_every_change(tmp_path: Path):
    own = write_photos(tmp_path / "photos", count=5)
    more = write_photos(tmp_path / "more", count=2, labels=("blue", "red"), seed=20)
    others = write_photos(tmp_path / "others", count=2, labels=("agate", "cup"), seed=40)

    def digest() -> str:
        return Dataset(own, more=[more], others=[others]).elsewhere_digest

    before = digest()
    assert digest() == before
    (more / "sources.csv").write_text("file,repo\nred/red_0.png,shop\nred/red_1.png,shop\n")
    grouped = digest()
    (more / "red" / "red_0.png").unlink()
    smaller = digest()
    (others / "cup" / "cup_0.png").unlink()
    assert len({before, grouped, smaller, digest()}) == 4


def test_strangers_that_show_a_labelled_photo_are_left_out(tmp_path: Path):
    own = write_photos(tmp_path / "photos", count=5)
    others = write_photos(tmp_path / "others", count=2, labels=("pink", "grey"))
    (others / "pink" / "copy.png").write_bytes((own / "red" / "red_0.png").read_bytes())
    dataset = Dataset(own, others=[others])
    assert len(dataset.strangers.photos) == 4
    assert dataset.notes == ["left out of --others, since a labelled photo shows the same: 1 of 5"]

"""The data set object: the split it gets, and the unlabelled pictures that may be learned from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import drawn
from tests.train.conftest import COLOURS, write_photos
from train.data.audit import audit
from train.data.dataset import Dataset
from train.data.duplicates import Fingerprint, fingerprint
from train.data.photos import Photo, find_pictures
from train.data.run_data import RunData, read_run_data
from train.errors import DataError
from train.recipes import RECIPES


@pytest.fixture
def more(tmp_path: Path) -> Path:
    """A folder for unlabelled pictures."""
    (tmp_path / "more").mkdir()
    return tmp_path / "more"


@pytest.fixture
def data(tmp_path: Path, more: Path) -> RunData:
    dataset = Dataset(write_photos(tmp_path / "photos", count=8), unlabelled=[str(more)])
    return read_run_data(RECIPES["custom"], dataset)


def test_pictures_that_are_measured_on_are_not_learned_from(data: RunData, more: Path):
    new = drawn((130, 50, 170), seed=99)
    new.save(more / "new.png")
    new.save(more / "copy_of_new.png")
    test_photo = data.part_photos("test")[0]
    Image.open(test_photo.path).transpose(Image.Transpose.ROTATE_90).save(more / "turned_test_photo.png")
    (more / "training_photo.png").write_bytes(data.part_photos("train")[0].path.read_bytes())
    assert [photo.path.name for photo in data.unlabelled()] == ["new.png"]


def test_a_path_without_pictures_is_one_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.jpg does not exist"):
        find_pictures([str(tmp_path / "none.jpg")])
    with pytest.raises(DataError, match="cannot come from standard input"):
        find_pictures(["-"])


def test_colours_differ_enough_to_be_no_duplicates(data: RunData):
    assert len(np.unique(data.groups)) >= len(COLOURS)


def test_wrong_paths_are_known_before_anything_is_trained(tmp_path: Path):
    photos = write_photos(tmp_path / "photos", count=1)
    with pytest.raises(DataError, match=r"none\.jpg does not exist"):
        Dataset(photos, unlabelled=[str(tmp_path / "none.jpg")]).find_files()
    with pytest.raises(DataError, match=r"data folder .*nowhere does not exist"):
        Dataset(tmp_path / "nowhere").find_files()


def test_each_picture_is_fingerprinted_once_whatever_is_asked_for(
    tmp_path: Path, more: Path, monkeypatch: pytest.MonkeyPatch
):
    seen: list[str] = []

    def counting(photo: Photo) -> Fingerprint:
        seen.append(photo.path.name)
        return fingerprint(photo)

    monkeypatch.setattr("train.data.duplicates.fingerprint", counting)
    drawn((130, 50, 170), seed=99).save(more / "new.png")
    dataset = Dataset(write_photos(tmp_path / "photos", count=5), unlabelled=[str(more)])
    dataset.find_files()
    assert dataset.labels == ("blue", "green", "red")
    assert dataset.targets.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert seen == []

    assert audit(dataset).photos == 15
    data = read_run_data(RECIPES["custom"], dataset)
    assert len(data.groups) == len(data.targets) == 15
    assert [photo.path.name for photo in data.unlabelled()] == ["new.png"]
    assert sorted(seen) == sorted([photo.path.name for photo in dataset.photos] + ["new.png"])

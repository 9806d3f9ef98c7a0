"""Duplicates: found however they were re-saved, and nothing else is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.train.conftest import photo
from train.data.dataset import Dataset
from train.data.duplicates import fingerprint, near_duplicates
from train.data.photos import Photo
from train.errors import DataError


def scene(seed: int, tint: tuple[int, int, int] = (220, 120, 90)) -> Image.Image:
    """Draw a picture with large shapes at places that follow from the seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (320, 240), (60, 60, 60))
    pen = ImageDraw.Draw(image)
    for _ in range(14):
        left, top = rng.integers(0, (260, 180))
        width, height = rng.integers(20, 140, 2)
        shade = rng.uniform(0.2, 1.0)
        colour = tuple(int(shade * level) for level in tint)
        pen.ellipse((left, top, left + width, top + height), fill=colour)
    return image


def saved(image: Image.Image, path: Path, **options: int) -> Photo:
    image.save(path, **options)
    return photo(path)


def groups_of(photos: list[Photo]) -> np.ndarray:
    """Return the duplicate groups of photos that lie anywhere."""
    dataset = Dataset(Path("anywhere"))
    dataset.photos = photos
    return dataset.groups


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda image: image,
    "rescaled": lambda image: image.resize((180, 135)),
    "stretched": lambda image: image.resize((200, 260)),
    "brightened": lambda image: image.point(lambda level: min(255, level + 12)),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "turned by 90": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 180": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "turned by 270": lambda image: image.transpose(Image.Transpose.ROTATE_270),
    "transposed": lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    "transversed": lambda image: image.transpose(Image.Transpose.TRANSVERSE),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_copy_saved_at_low_quality_is_found(tmp_path: Path, change: Callable[[Image.Image], Image.Image]):
    original = saved(scene(1), tmp_path / "original.jpg", quality=95)
    other = saved(scene(2), tmp_path / "other.jpg", quality=95)
    copy = saved(change(scene(1)), tmp_path / "copy.jpg", quality=50)
    groups = groups_of([original, other, copy])
    assert groups[0] == groups[2] != groups[1]


def test_exact_copies_have_distance_zero(tmp_path: Path):
    prints = [fingerprint(saved(scene(seed), tmp_path / f"{i}.png")) for i, seed in enumerate((1, 2, 1))]
    assert near_duplicates(prints) == [(0, 2, 0)]


def test_different_pictures_are_not_duplicates(tmp_path: Path):
    photos = [saved(scene(seed), tmp_path / f"{seed}.jpg") for seed in range(12)]
    assert len(set(groups_of(photos))) == 12


def test_the_same_shapes_in_another_colour_are_not_duplicates(tmp_path: Path):
    # Both tints have the same brightness, so the hash, which sees greys, cannot tell them apart.
    red, blue = (saved(scene(1, tint=tint), tmp_path / f"{tint[0]}.png") for tint in ((230, 100, 60), (60, 130, 210)))
    prints = [fingerprint(red), fingerprint(blue)]
    assert (prints[0].hashes[0] != prints[1].hashes[0]).sum() < 20
    assert near_duplicates(prints) == []


def test_groups_are_transitive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    photos = [saved(scene(seed), tmp_path / f"{seed}.png") for seed in range(5)]
    monkeypatch.setattr("train.data.dataset.near_duplicates", lambda prints: [(0, 3, 9), (3, 4, 12)])
    groups = groups_of(photos)
    assert groups[0] == groups[3] == groups[4]
    assert len({groups[0], groups[1], groups[2]}) == 3


def test_unreadable_photos_are_counted_and_the_first_is_named(tmp_path: Path):
    photos = [saved(scene(1), tmp_path / "good.png")]
    for name in ("bad.jpg", "worse.jpg"):
        (tmp_path / name).write_bytes(name.encode())
        photos.append(photo(tmp_path / name))
    with pytest.raises(DataError, match=r"2 photos cannot be read \(.*bad\.jpg is not a picture .*train audit"):
        groups_of(photos)
    with pytest.raises(DataError, match=r"^1 photo cannot be read \(.*worse\.jpg"):
        groups_of([photos[0], photos[2]])


def test_known_duplicates_among_real_photos_are_found(real_data: Path):
    gems = real_data / "gems"
    names = [
        "train/Quartz Rose/quartz rose_8.jpg",
        "test/Quartz Rose/quartz rose_5.jpg",  # the same, turned
        "train/Sunstone/sunstone_28.jpg",
        "train/Sunstone/sunstone_31.jpg",  # byte for byte the same
        "train/Quartz Rose/quartz rose_1.jpg",
        "train/Sunstone/sunstone_1.jpg",
    ]
    photos = [photo(gems / name) for name in names if (gems / name).exists()]
    assert len(photos) >= 5
    groups = groups_of(photos)
    assert groups[0] == groups[1]
    assert groups[2] == groups[3]
    assert len(set(groups)) == len(photos) - 2
    assert photos[2].sha256 == photos[3].sha256

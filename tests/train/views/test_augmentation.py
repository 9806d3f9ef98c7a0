"""Augmentation: exact where the change is exact."""

import numpy as np
import pytest

from train.recipes import RECIPES, Augmentation
from train.views.augmentation import augment, random_part, view_rng

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)


class HighestDraw:
    """A generator that draws the upper end of every range, and flips."""

    def uniform(self, low: float, high: float, size: int | None = None):
        return high if size is None else np.full(size, high)

    def random(self) -> float:
        return 0.0


def test_no_change_asked_for_is_no_change():
    assert np.array_equal(augment(IMAGE, Augmentation(), view_rng("ab" * 32, 1, 1)), IMAGE)


def test_a_view_follows_from_photo_number_and_seed():
    policy = RECIPES["custom"].augmentation

    def view(sha256: str = "ab" * 32, number: int = 1, seed: int = 1):
        return augment(IMAGE, policy, view_rng(sha256, number, seed))

    assert np.array_equal(view(), view())
    for other in (view(sha256="cd" * 32), view(number=2), view(seed=2)):
        assert not np.array_equal(other, view())


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Augmentation(horizontal_flip=True), IMAGE[:, ::-1]),
        (Augmentation(vertical_flip=True), IMAGE[::-1]),
        (Augmentation(horizontal_flip=True, vertical_flip=True), IMAGE[::-1, ::-1]),
    ],
    ids=["horizontal", "vertical", "both"],
)
def test_flips_are_exact(policy: Augmentation, expected: np.ndarray):
    assert np.array_equal(augment(IMAGE, policy, HighestDraw()), expected)


def test_half_of_the_views_are_flipped():
    policy = Augmentation(horizontal_flip=True)
    flipped = sum(np.array_equal(augment(IMAGE, policy, view_rng("1" * 64, n, 1)), IMAGE[:, ::-1]) for n in range(200))
    assert 80 <= flipped <= 120


def test_a_shift_moves_whole_pixels_and_repeats_the_edge():
    shifted = augment(IMAGE, Augmentation(shift=0.25), HighestDraw())  # 2 of 8 rows, 3 of 12 columns
    assert np.array_equal(shifted[:-2, :-3], IMAGE[2:, 3:])
    assert np.array_equal(shifted[-2:, :-3], np.repeat(IMAGE[-1:, 3:], 2, axis=0))
    assert np.array_equal(shifted[:-2, -3:], np.repeat(IMAGE[2:, -1:], 3, axis=1))


def test_a_quarter_turn_of_a_square_is_exact():
    square = IMAGE[:, :8]
    assert np.array_equal(augment(square, Augmentation(rotation_deg=90), HighestDraw()), np.rot90(square, -1))


def test_zoom_scales_about_the_centre():
    ramp = np.repeat(np.arange(0, 90, 10, dtype=np.uint8)[np.newaxis, :, np.newaxis], 9, axis=0).repeat(3, axis=2)
    zoomed = augment(ramp, Augmentation(zoom=0.25), HighestDraw())  # 1.25 times as large: steps of 8, not 10
    assert zoomed[4, :, 0].tolist() == [8, 16, 24, 32, 40, 48, 56, 64, 72]


def test_brightness_scales_and_clips():
    grey = np.array([[[0, 100, 250]]], np.uint8)
    assert augment(grey, Augmentation(brightness=0.2), HighestDraw()).ravel().tolist() == [0, 120, 255]


@pytest.mark.parametrize(
    "policy",
    [
        Augmentation(rotation_deg=40, shift=0.05, zoom=0.15, horizontal_flip=True, vertical_flip=True, brightness=0.2),
        RECIPES["gems-baseline"].augmentation,
    ],
)
def test_views_keep_shape_dtype_and_the_photos_range(policy: Augmentation):
    grey = np.full((30, 20, 3), 100, np.uint8)
    for number in range(20):
        view = augment(grey, policy, view_rng("7" * 64, number, 1))
        assert (view.shape, view.dtype) == ((30, 20, 3), np.uint8)
        gain = policy.brightness
        assert view.min() == view.max()  # edges repeat: nothing black comes in
        assert 100 * (1 - gain) <= view.min() <= 100 * (1 + gain)


def test_parts_keep_to_the_photo_to_their_area_and_nearly_to_its_aspect():
    policy = Augmentation(crop=0.75)
    areas = []
    for view in range(200):
        left, upper, right, lower = random_part((400, 200), policy, view_rng("ab" * 32, view, 1))
        assert 0 <= left < right <= 400 + 1e-9
        assert 0 <= upper < lower <= 200 + 1e-9
        width, height = (right - left) / 400, (lower - upper) / 200
        assert 3 / 4 <= width / height <= 4 / 3
        areas.append(width * height)
    assert 0.25 <= min(areas) < 0.3
    assert 0.8 < max(areas) <= 1

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edge_infer.faces.crops import BOX_SIDE, FOREHEAD, Region, crop_face, cut, face_region
from edge_infer.faces.detector import Face
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.pictures.loading import fit

SPEC = InputSpec(30, 30)
UPRIGHT, BOX = FaceCrop(0.0, upright=True), FaceCrop(0.0, upright=False)


def face_at(x: float, y: float, eyes: float = 40.0, tilt_deg: float = 0.0) -> Face:
    """Return a face whose middle between eyes and mouth is (x, y), eyes as far apart as from the mouth."""
    c, s = np.cos(np.deg2rad(tilt_deg)), np.sin(np.deg2rad(tilt_deg))
    points = np.array([[-0.5, -0.5], [0.5, -0.5], [0, 0], [-0.3, 0.5], [0.3, 0.5]]) * eyes
    turned = points @ np.array([[c, s], [-s, c]]) + (x, y)
    half = BOX_SIDE * eyes / 2
    return Face((x - half, y - half, x + half, y + half), 0.9, tuple(map(tuple, turned.tolist())))


def gradient(width: int = 200, height: int = 160) -> Image.Image:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, (x + y) // 2], axis=-1).clip(0, 255).astype(np.uint8))


def test_an_upright_region_is_a_square_as_large_as_the_box() -> None:
    region = face_region(face_at(100, 80), UPRIGHT)
    assert region.size == pytest.approx((BOX_SIDE * 40, BOX_SIDE * 40))
    assert region.centre == pytest.approx((100, 80 - FOREHEAD * 40))
    assert region.angle_rad == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("tilt_deg", [-170, -90, -20, 15, 90, 179])
def test_an_upright_region_turns_with_the_face(tilt_deg: float) -> None:
    region = face_region(face_at(100, 80, tilt_deg=tilt_deg), UPRIGHT)
    assert np.rad2deg(region.angle_rad) == pytest.approx(tilt_deg)
    up = FOREHEAD * 40 * np.array([np.sin(region.angle_rad), -np.cos(region.angle_rad)])
    assert region.centre == pytest.approx((100 + up[0], 80 + up[1]))


def test_the_box_rule_takes_the_box_and_the_margin_adds_on_each_side() -> None:
    face = replace(face_at(100, 80), box=(70.0, 50.0, 120.0, 130.0))
    assert face_region(face, BOX) == Region((95, 90), (50, 80), 0)
    assert face_region(face, FaceCrop(0.1, upright=False)).size == pytest.approx((60, 96))
    upright = face_region(face_at(100, 80), FaceCrop(0.25, upright=True))
    assert upright.size == pytest.approx((BOX_SIDE * 60, BOX_SIDE * 60))


@pytest.mark.parametrize("point", [(0.0, 0.0), (1e30, -1e30), (50.0, 50.0)])
def test_impossible_landmarks_still_give_a_region_near_the_box(point: tuple[float, float]) -> None:
    face = Face((40.0, 40.0, 80.0, 100.0), 0.9, (point,) * 5)
    region = face_region(face, UPRIGHT)
    assert 40 <= region.centre[0] <= 80
    assert 40 <= region.centre[1] <= 100
    assert 0.1 * BOX_SIDE * 60 <= region.size[0] <= BOX_SIDE * 60
    assert crop_face(gradient(), face, replace(SPEC, face=UPRIGHT)).shape == (30, 30, 3)


def test_a_region_at_native_scale_is_the_picture_itself() -> None:
    image = gradient()
    assert (cut(image, Region((75, 65), (30, 30)), SPEC) == np.asarray(image)[50:80, 60:90]).all()


def test_a_large_region_is_scaled_with_antialiasing_like_the_loader_does() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8))
    whole = cut(noise, Region((200, 200), (400, 400)), SPEC).astype(int)
    expected = fit(noise, SPEC).astype(int)
    assert np.abs(whole[2:-2, 2:-2] - expected[2:-2, 2:-2]).mean() < 4
    assert whole.std() < 20  # of 74 before: without a filter it would stay as noisy


def test_a_turned_region_sets_the_picture_upright() -> None:
    image = gradient()
    upright = cut(image, Region((100, 80), (60, 60), np.pi / 2), SPEC).astype(int)
    plain = cut(image, Region((100, 80), (60, 60)), SPEC).astype(int)
    # Turned by 90 degrees clockwise, the picture's downward axis becomes the result's horizontal one.
    assert np.abs(upright - np.rot90(plain, 1)).max() <= 1


def test_beyond_the_picture_its_edge_repeats() -> None:
    image = gradient(100, 80)
    result = cut(image, Region((0, 0), (60, 60)), SPEC)
    assert (result[:14, :14] == result[0, 0]).all()
    assert (result[0, 0] == np.asarray(image)[0, 0]).all()
    assert result[-1, -1].tolist() == pytest.approx([29, 29, 29], abs=1)


@pytest.mark.parametrize("centre", [(-500, 40), (600, 40), (50, -300), (50, 900)])
def test_a_region_wholly_outside_shows_the_nearest_edge(centre: tuple[int, int]) -> None:
    result = cut(gradient(100, 80), Region(centre, (40, 40)), SPEC)
    assert result.shape == (30, 30, 3)
    assert result[..., 0].min() >= 0
    assert np.ptp(result[..., 0 if centre[0] in (-500, 600) else 1]) == 0


def test_a_tiny_region_and_a_one_pixel_picture() -> None:
    assert (cut(Image.new("RGB", (1, 1), (7, 8, 9)), Region((0.5, 0.5), (0.01, 0.01)), SPEC) == (7, 8, 9)).all()


def test_a_model_without_a_face_rule_cuts_none() -> None:
    with pytest.raises(ValueError, match="not made for faces"):
        crop_face(gradient(), face_at(50, 50), SPEC)


def test_a_face_of_thousands_of_pixels_takes_no_more_memory_than_the_picture() -> None:
    import tracemalloc

    image = gradient().resize((4000, 3000))
    tracemalloc.start()
    huge = cut(image, Region((2000, 1500), (6000, 6000), 0.6), SPEC)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000 * 3000 * 3
    small = cut(image.reduce(10), Region((200, 150), (600, 600), 0.6), SPEC)
    assert np.abs(huge.astype(int) - small).mean() < 2

"""Views of a recipe of faces: cut out as the device does, and jittered around that."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer.faces.crops import Region, crop_face, cut, face_region
from edge_infer.faces.detector import FaceDetector
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.pictures.loading import fit, load_rgb
from tests.conftest import drawn
from tests.train.conftest import photo
from train.data.photos import Photo
from train.recipes import RECIPES, Augmentation, Recipe
from train.views.augmentation import jitter, relight
from train.views.face_views import detector_sha256, find_face, surrounded
from train.views.features import input_spec, load_view

RULE = FaceCrop(0.1, upright=True)
STILL = Augmentation()


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return replace(RECIPES["gender"], image_size=32, face=RULE)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Photo:
    path = tmp_path_factory.mktemp("photos") / "portrait.png"
    picture_with_faces((320, 240), [(90, 30, 130)]).save(path)
    return photo(path)


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Photo:
    path: Path = tmp_path_factory.mktemp("photos") / "wall.png"
    drawn((40, 60, 200), (120, 80)).save(path)
    return photo(path)


def test_the_first_view_is_what_the_device_cuts_out(portrait: Photo, recipe: Recipe):
    image = load_rgb(portrait.path)
    (face,) = FaceDetector(threads=1).detect(image)
    assert find_face(portrait) == face
    assert np.array_equal(load_view(portrait, 0, recipe), crop_face(image, face, input_spec(recipe)))


def test_a_photo_without_a_face_is_taken_whole_as_on_the_device(wall: Photo, recipe: Recipe):
    assert find_face(wall) is None
    assert np.array_equal(load_view(wall, 0, recipe), fit(load_rgb(wall.path), input_spec(recipe)))
    assert not np.array_equal(load_view(wall, 1, recipe), load_view(wall, 0, recipe))


def test_further_views_differ_and_repeat(portrait: Photo, recipe: Recipe):
    views = [load_view(portrait, view, recipe) for view in (0, 1, 2, 1)]
    assert np.array_equal(views[1], views[3])
    assert not np.array_equal(views[0], views[1])
    assert not np.array_equal(views[1], views[2])
    assert {view.shape for view in views} == {(32, 32, 3)}


def test_jitter_keeps_to_its_ranges(portrait: Photo):
    region = face_region(find_face(portrait), RULE)
    policy = Augmentation(rotation_deg=10, shift=0.05, zoom=0.2)
    jittered = [jitter(region, policy, np.random.default_rng(seed)) for seed in range(200)]
    side = region.size[0]
    moves = np.array([np.subtract(j.centre, region.centre) for j in jittered]) / side
    grows = np.array([j.size[0] / side for j in jittered])
    turns = np.rad2deg([j.angle_rad - region.angle_rad for j in jittered])
    for values, limit in ((moves, 0.05), (grows - 1, 0.2), (turns, 10)):
        assert 0.9 * limit < np.abs(values).max() <= limit
    assert all(j.size[0] == j.size[1] for j in jittered)
    assert jitter(region, STILL, np.random.default_rng(0)) == region


def test_surroundings_leave_the_photo_as_it_is_and_replace_its_repeated_edges():
    spec = InputSpec(40, 60)
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    region = Region((15, 10), (60, 40))  # twice the photo, one pixel of it to one of the input
    larger, moved = surrounded(photo, region, np.random.default_rng(1))
    assert larger.size == (60, 40)
    seen, repeated = cut(larger, moved, spec), cut(photo, region, spec)
    assert np.array_equal(seen[10:30, 15:45], np.asarray(photo))
    assert np.array_equal(repeated[10:30, :15], np.repeat(np.asarray(photo)[:, :1], 15, axis=1))
    assert (seen[10:30, :15] != repeated[10:30, :15]).any(axis=2).mean() > 0.9


def test_surroundings_are_smooth_and_drawn_anew():
    photo, region = Image.new("RGB", (160, 160)), Region((80, 80), (160, 160))
    around = [np.asarray(surrounded(photo, region, np.random.default_rng(seed))[0])[:80] for seed in range(20)]
    steps = [np.abs(np.diff(picture.astype(int), axis=1)).max() for picture in around]
    assert max(steps) <= 20  # 320 pixels hold eight colours at most
    assert len({picture.tobytes() for picture in around}) == 20


def test_relighting_nothing_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    assert np.array_equal(relight(image, STILL, np.random.default_rng(0)), image)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Augmentation(brightness=0.3), (0.7, 1.3)),
        (Augmentation(gamma=0.5), (0.4, 1.73)),  # (64 / 255) ** (exp(+-0.5) - 1)
        (Augmentation(contrast=0.4), (0.6, 1.4)),
    ],
    ids=["brightness", "gamma", "contrast"],
)
def test_lighting_keeps_to_its_ranges(policy: Augmentation, expected: tuple[float, float]):
    image = np.full((8, 8, 3), 64, np.uint8)
    seen = np.array([relight(image, policy, np.random.default_rng(seed))[0, 0, 0] for seed in range(200)]) / 64
    if policy.contrast:  # around middle grey
        seen = (128 - seen * 64) / 64
    assert expected[0] - 0.02 <= seen.min() < 0.85
    assert 1.15 < seen.max() <= expected[1] + 0.02


def test_tint_saturation_and_grey_change_colours_only_as_said():
    image = np.full((8, 8, 3), (180, 120, 60), np.uint8)
    grey = relight(image, Augmentation(grey_share=1), np.random.default_rng(0))
    assert (grey == 120).all()
    pale = [relight(image, Augmentation(saturation=0.5), np.random.default_rng(s))[0, 0].astype(int) for s in range(50)]
    assert all(abs(colour.mean() - 120) <= 1 for colour in pale)
    assert min(np.ptp(colour) for colour in pale) < 80 < 140 < max(np.ptp(colour) for colour in pale)
    tinted = [
        relight(image, Augmentation(tint=0.1), np.random.default_rng(s))[0, 0] / (180, 120, 60) for s in range(50)
    ]
    assert 0.89 < np.min(tinted) < 0.93 < 1.07 < np.max(tinted) < 1.11


def test_damage_blurs_and_compresses():
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    blurred = relight(noise, Augmentation(blurred_share=1), np.random.default_rng(0))
    assert blurred.std() < 0.8 * noise.std()
    compressed = relight(noise, Augmentation(jpeg_share=1), np.random.default_rng(0))
    assert 1 < np.abs(compressed.astype(int) - noise).mean() < 60
    flipped = [relight(noise, Augmentation(horizontal_flip=True), np.random.default_rng(seed)) for seed in range(20)]
    assert {np.array_equal(view, noise) for view in flipped} == {True, False}
    assert all(np.array_equal(view, noise) or np.array_equal(view, noise[:, ::-1]) for view in flipped)


def test_the_detector_of_the_cache_key_is_the_bundled_one():
    assert len(detector_sha256()) == 64

"""Views of a photo: what part of it they show, and that they are the same every time."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.levers.views import CENTRE, WHOLE, View, load_view, random_views
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import load_input
from train.data.photos import Photo


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Red, with a green middle of half of each side."""
    pixels = np.full((200, 400, 3), (200, 0, 0), np.uint8)
    pixels[50:150, 100:300] = (0, 200, 0)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    return Photo(tmp_path / "p.png", "a", "ab" * 32)


def test_a_whole_photo_is_what_the_device_sees(photo: Photo):
    assert (load_view(photo, View(side=64)) == load_input(photo.path, InputSpec(64, 64))).all()


def test_a_box_shows_its_part_only(photo: Photo):
    shown = load_view(photo, View(box=(0.25, 0.25, 0.75, 0.75), side=32))
    assert shown.shape == (32, 32, 3)
    assert (shown == (0, 200, 0)).all()
    green = [(load_view(photo, view)[..., 1] > 100).mean() for view in (WHOLE, CENTRE)]
    assert green == pytest.approx([0.25, (0.5 / 0.7) ** 2], abs=0.02)


def test_random_views_differ_from_each_other_and_not_from_run_to_run(photo: Photo):
    views = random_views(2)
    assert [view.number for view in views] == [0, 1, 2]
    first, second = (load_view(photo, view) for view in views[1:])
    assert first.shape == (224, 224, 3)
    assert (first != second).any()
    assert (first == load_view(photo, views[1])).all()

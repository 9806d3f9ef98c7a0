import numpy as np
import pytest

from train.slim import kept_views
from train.slim.kept_views import KeptViews

SIDE_PX = 4


class Loader:
    """Views whose pixels are their numbers, and how often each was loaded."""

    def __init__(self) -> None:
        self.loaded: list[int] = []

    def __call__(self, chosen: np.ndarray) -> np.ndarray:
        self.loaded += chosen.tolist()
        return np.broadcast_to(chosen[:, None, None, None].astype(np.uint8), (len(chosen), SIDE_PX, SIDE_PX, 3))


def test_each_view_is_loaded_once():
    loader = Loader()
    views = KeptViews(loader, 10, SIDE_PX, SIDE_PX)
    for chosen in ([3, 9, 3], [9, 0, 1], [3, 1]):
        loaded = views.load(np.array(chosen))
        assert loaded.shape == (len(chosen), SIDE_PX, SIDE_PX, 3)
        assert loaded[:, 0, 0, 0].tolist() == chosen
    assert loader.loaded == [3, 9, 0, 1]


def test_what_does_not_fit_is_loaded_each_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_views, "KEPT_BYTES", 5 * SIDE_PX * SIDE_PX * 3)
    loader = Loader()
    views = KeptViews(loader, 10, SIDE_PX, SIDE_PX)
    for _ in range(2):
        assert views.load(np.array([7, 4, 5]))[:, 0, 0, 0].tolist() == [7, 4, 5]
    assert loader.loaded == [4, 7, 5, 7, 5]

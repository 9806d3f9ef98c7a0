import random

import pytest

from edge_infer.pictures.finding.natural_order import natural_key


@pytest.mark.parametrize(
    "names",
    [
        ["frame_1.png", "frame_2.png", "frame_9.png", "frame_10.png", "frame_11.png", "frame_100.png"],
        ["8.jpg", "9.jpg", "10.jpg", "a.jpg"],
        ["a-1-9.png", "a-1-10.png", "a-2-1.png"],
        ["f007.png", "f7.png", "f08.png"],  # as much, then the name itself decides
        ["shot.jpg", "shot-2.jpg", "shot-10.jpg"],  # as snapshots of one second are named
        ["day 2/9.png", "day 2/10.png", "day 10/1.png"],
        ["a/z.png", "a-1/a.png"],
        ["x1.jpg", "x1.png", "x2.jpg"],
        ["", "1", "2", "a", "ä"],
        [f"n{9:04000}.png", f"n{'1' * 5000}.png", f"n{'2' * 5000}.png"],
        ["v0", "v00", "v1"],
    ],
)
def test_numbers_in_names_count(names: list[str]) -> None:
    mixed = random.Random(0).sample(names, len(names))
    assert sorted(mixed, key=natural_key) == names

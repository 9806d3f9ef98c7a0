import math

import pytest

from edge_infer.webcam.camera.timeline import Timeline


@pytest.mark.parametrize(
    ("stamps_s", "times_s"),
    [
        ([0, 0.5, 0.6, 5], [0, 0.5, 0.6, 5]),  # as they are, however irregular
        ([2, 2.5], [2, 2.5]),
        ([None, None, None], [0, 0.1, 0.2]),  # none: by the frame rate
        ([0, None, 0.25], [0, 0.1, 0.25]),
        ([0, math.nan, math.inf, 0.4], [0, 0.1, 0.2, 0.4]),
        ([0, 0.2, 0.15, 0.3], [0, 0.2, 0.2, 0.3]),  # never back
        ([0, 0.5, 0.5, 0.6], [0, 0.5, 0.5, 0.6]),
        ([0, 7, 0, 0.1, 0.2], [0, 7, 7.1, 7.2, 7.3]),  # began anew
        ([0, 8, 90_000, 90_000.1], [0, 8, 8.1, 8.2]),  # beyond the end
        ([-3, 0.1], [0, 0.1]),
    ],
)
def test_time_stamps_are_followed_where_they_make_sense(stamps_s: list[float | None], times_s: list[float]) -> None:
    timeline = Timeline(0.1, duration_s=9)
    assert [timeline.place(stamp_s) for stamp_s in stamps_s] == pytest.approx(times_s)


def test_without_a_length_a_minute_is_the_longest_gap() -> None:
    timeline = Timeline(0.1)
    assert [timeline.place(stamp_s) for stamp_s in (0, 59, 200, 201)] == pytest.approx([0, 59, 59.1, 60.1])


def test_another_round_follows_the_last_one() -> None:
    timeline = Timeline(0.1, duration_s=1)
    times_s = []
    for _ in range(3):
        times_s += [timeline.place(stamp_s) for stamp_s in (0.0, 0.9)]
        timeline.begin_again()
    assert times_s == pytest.approx([0, 0.9, 1.0, 1.9, 2.0, 2.9])

import numpy as np
import pytest

from edge_infer.faces.orientation import fit, is_upright, quarter_turns

# Eyes, nose and mouth of an ordinary face, y downwards.
FACE = np.array([[-36, -39], [36, -39], [0, 3], [-29, 37], [29, 37]], float)


def turned(points: np.ndarray, angle_deg: float) -> list[tuple[float, float]]:
    """Turn points clockwise, as seen, and move and scale them."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return [tuple(point) for point in (points @ np.array([[c, s], [-s, c]]) * 0.7 + (200, 90)).tolist()]


@pytest.mark.parametrize(
    ("angle_deg", "quarters"), [(0, 0), (30, 0), (-44, 0), (46, 1), (90, 1), (180, 2), (-170, 2), (270, 3), (-50, 3)]
)
def test_the_angle_of_a_face(angle_deg: float, quarters: int) -> None:
    angle_rad, misfit = fit(turned(FACE, angle_deg))
    assert (np.rad2deg(angle_rad) - angle_deg + 180) % 360 - 180 == pytest.approx(0, abs=0.5)
    assert misfit == pytest.approx(0, abs=1e-3)
    assert quarter_turns(turned(FACE, angle_deg)) == quarters
    assert is_upright(turned(FACE, angle_deg)) is (quarters == 0)


def test_landmarks_out_of_shape_do_not_fit() -> None:
    mirrored = FACE * (-1, 1)  # the left eye on the right: no turn makes a face of it
    assert fit(turned(mirrored, 0))[1] > 0.5
    flat = FACE * (1, 0.3)
    assert 0.05 < fit(turned(flat, 0))[1] < 0.5
    assert not is_upright(turned(flat, 0))
    aside = FACE * (0.8, 1)  # as of a face turned aside a little
    assert fit(turned(aside, 0))[1] < 0.05
    assert is_upright(turned(aside, 0))


def test_landmarks_in_one_point_are_no_face() -> None:
    assert fit([(7.0, 7.0)] * 5) == (0.0, 1.0)
    assert not is_upright([(7.0, 7.0)] * 5)

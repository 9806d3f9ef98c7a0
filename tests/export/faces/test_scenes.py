import numpy as np
from PIL import Image

from export.faces.scenes import SCENE_SIZE, compose

RED, BLUE = (220, 20, 20), (20, 20, 220)


def crops(*sizes: tuple[int, int]) -> list[Image.Image]:
    return [Image.new("RGB", size, RED) for size in sizes]


def test_faces_lie_where_the_scene_says_and_nowhere_else() -> None:
    background = Image.new("RGB", (300, 900), BLUE)
    for seed in range(20):
        scene = compose(crops((30, 40), (90, 120), (60, 60)), background, [50, 200, 100], np.random.default_rng(seed))
        assert scene.image.size == SCENE_SIZE
        is_red = np.asarray(scene.image)[..., 0] > 100
        inside = np.zeros_like(is_red)
        for left, top, right, bottom in scene.boxes:
            assert 0 <= left < right <= SCENE_SIZE[0]
            assert 0 <= top < bottom <= SCENE_SIZE[1]
            assert not inside[top:bottom, left:right].any()  # no two faces share a pixel
            inside[top:bottom, left:right] = True
        assert not (is_red & ~inside).any()
        assert is_red.sum() > 0.8 * inside.sum()


def test_heights_are_kept_and_widths_follow_the_crop() -> None:
    scene = compose(crops((30, 40), (90, 120)), Image.new("RGB", (640, 480)), [64, 200], np.random.default_rng(0))
    sizes = {(right - left, bottom - top) for left, top, right, bottom in scene.boxes}
    assert sizes == {(48, 64), (150, 200)}
    assert scene.boxes[0][3] - scene.boxes[0][1] == 200  # the largest first


def test_a_face_without_room_is_left_out() -> None:
    background = Image.new("RGB", (640, 480))
    scene = compose(crops((40, 40), (40, 40)), background, [470, 470], np.random.default_rng(0))
    assert len(scene.boxes) == 1
    assert compose(crops((40, 40)), background, [481], np.random.default_rng(0)).boxes == []


def test_a_seed_gives_the_same_scene() -> None:
    first, second = (
        compose(crops((30, 40)), Image.new("RGB", (640, 480), BLUE), [90], np.random.default_rng(3)) for _ in range(2)
    )
    assert first.boxes == second.boxes
    assert first.image.tobytes() == second.image.tobytes()

import numpy as np

from benchmarks.levers.grounds import exchange_ground

SIDE_PX = 40
STONE, PLAIN, NEW = (200, 30, 60), (250, 250, 245), (10, 120, 20)


def picture() -> np.ndarray:
    """A stone with a bright spot inside, on a plain ground."""
    pixels = np.full((SIDE_PX, SIDE_PX, 3), PLAIN, np.uint8)
    pixels[10:30, 12:28] = STONE
    pixels[18:22, 18:22] = PLAIN
    return pixels


def test_the_ground_is_exchanged_and_the_stone_stays():
    mixed = exchange_ground(picture(), np.full((SIDE_PX, SIDE_PX, 3), NEW, np.uint8))
    assert (mixed[:6] == NEW).all()
    assert (mixed[:, 33:] == NEW).all()
    assert (mixed[14:17, 16:24] == STONE).all()


def test_a_bright_spot_of_the_stone_is_no_ground():
    mixed = exchange_ground(picture(), np.full((SIDE_PX, SIDE_PX, 3), NEW, np.uint8))
    assert (mixed[18:22, 18:22] == PLAIN).all()


def test_a_picture_without_a_plain_ground_stays_as_it_is():
    restless = np.random.default_rng(0).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    assert np.array_equal(exchange_ground(restless, np.zeros_like(restless)), restless)

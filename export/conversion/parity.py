"""Does the exported file answer as the Keras network does, also at the picture's border?

Padding is where conversions go wrong quietly: a mean folded into a bias, say, is right
everywhere but along the edge. So besides the photos themselves, some are compared with
their outermost pixels driven to the extremes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.errors import ParityError

MAX_DIFFERENCE = 1e-5
MAX_KNOWN_DIFFERENCE = 1e-3  # of `known`, which may be steep: where all photos respond alike, rounding is amplified
BORDER_PX = 4
BORDER_PHOTOS = 8

Pixels = npt.NDArray[np.uint8]
Answers = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Parity:
    """How two implementations of one network compare.

    Attributes:
        pictures: Number of pictures compared.
        max_difference: Largest difference of any probability.
        same_top1: Number of pictures with the same answer, near-ties included.
    """

    pictures: int
    max_difference: float
    same_top1: int

    def to_record(self) -> dict[str, Any]:
        """Return the figures for JSON; the difference rounded up: to a power of ten if it is noise, else to 0.01."""
        if self.max_difference <= MAX_KNOWN_DIFFERENCE:
            bound = 10.0 ** np.ceil(np.log10(max(self.max_difference, 1e-9)))
        else:
            bound = np.ceil(self.max_difference * 100) / 100
        return {**asdict(self), "max_difference": float(f"{bound:.2g}")}


def compare(expected: Answers, actual: Answers) -> Parity:
    """Compare the answers of two implementations for the same pictures, `float32 [N, C]` each."""
    # Of classes that are as good as equal, as on a flat grey picture, either is the same answer.
    chosen = np.take_along_axis(expected, actual.argmax(axis=1)[:, None], axis=1)[:, 0]
    same = chosen >= expected.max(axis=1) - 2 * MAX_DIFFERENCE
    return Parity(len(expected), float(np.abs(expected - actual).max()), int(same.sum()))


def check_parity(parity: Parity, allowed: float = MAX_DIFFERENCE) -> None:
    """Refuse an exported network that answers differently.

    Args:
        parity: How it compares.
        allowed: Largest difference.

    Raises:
        ParityError: A probability differs by more than allowed, or an answer changes.
    """
    if not parity.max_difference <= allowed or parity.same_top1 < parity.pictures:
        raise ParityError(
            f"the exported file differs from Keras by up to {parity.max_difference:.2g} (allowed {allowed:g}) "
            f"and agrees on {parity.same_top1} of {parity.pictures} pictures"
        )


def border_pictures(photos: Sequence[Pixels]) -> Iterator[Pixels]:
    """Yield pictures that are hard at the border: framed photos, flat and random ones."""
    rng = np.random.default_rng(0)
    inner = (slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    for photo in photos[:BORDER_PHOTOS]:
        for frame in (np.zeros_like(photo), np.full_like(photo, 255), rng.integers(0, 256, photo.shape, np.uint8)):
            framed = frame.copy()
            framed[inner] = photo[inner]
            yield framed
    shape = photos[0].shape
    yield np.zeros(shape, np.uint8)
    yield np.full(shape, 255, np.uint8)
    yield rng.integers(0, 256, shape, np.uint8)

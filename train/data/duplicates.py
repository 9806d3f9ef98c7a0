"""Which photos show the same picture: exact copies and near duplicates.

Near duplicates (re-saved, rescaled, slightly retouched, mirrored or turned copies, and
series of one subject on one background) are found by a 256-bit perceptual hash
(pHash: Zauner 2010, through the ImageHash package) over the eight orientations. A hash
sees structure only, and a bright stone in the middle of a dark cloth looks like any
other, so two photos must agree in colour too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from edge_infer.errors import InputError
from edge_infer.pictures.loading import load_rgb
from train.data.photos import Photo
from train.errors import DataError
from train.progress import track

# Of 256 hash bits. Unrelated photos differ in about 128; on the gem photos, pairs up to
# here are one stone twice or one series, which is what a fold must not be split across.
MAX_HASH_DISTANCE = 56
# Root mean square over an 8x8 thumbnail, in grey levels of 0-255.
MAX_COLOUR_DISTANCE = 24.0
_HASH_SIDE = 16
_THUMBNAIL_SIDE = 8
_DECODE_SIDE_PX = 256
_TURNS = (None, *Image.Transpose)  # the identity and the seven other symmetries of the square

Pair = tuple[int, int, int]  # two photos by their numbers, and their hash distance


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What near duplicates share.

    Attributes:
        hashes: `bool [8, 256]`, the perceptual hash of each orientation.
        colours: `float32 [8, 192]`, the 8x8 RGB thumbnail of each orientation, 0–255.
    """

    hashes: npt.NDArray[np.bool_]
    colours: npt.NDArray[np.float32]


def fingerprint(photo: Photo) -> Fingerprint:
    """Compute a photo's fingerprint.

    Raises:
        InputError: The photo cannot be decoded.
    """
    import imagehash

    image = load_rgb(photo.path, needed_side=_DECODE_SIDE_PX).resize((_DECODE_SIDE_PX, _DECODE_SIDE_PX))
    thumbnail = image.resize((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.BOX)
    return Fingerprint(
        np.array([imagehash.phash(_turned(image, turn), hash_size=_HASH_SIDE).hash.ravel() for turn in _TURNS]),
        np.array([np.asarray(_turned(thumbnail, turn), np.float32).ravel() for turn in _TURNS]),
    )


def fingerprints(photos: Sequence[Photo]) -> tuple[list[Fingerprint | None], dict[Photo, InputError]]:
    """Return each photo's fingerprint (None if unreadable), and the errors of those."""
    prints: list[Fingerprint | None] = []
    unreadable: dict[Photo, InputError] = {}
    for photo in track(photos, "Looking for duplicates"):
        try:
            prints.append(fingerprint(photo))
        except InputError as error:
            prints.append(None)
            unreadable[photo] = error
    return prints, unreadable


def near_duplicates(prints: Sequence[Fingerprint | None]) -> list[Pair]:
    """Return the pairs that are near or exact duplicates, closest first."""
    readable = [(i, fingerprint) for i, fingerprint in enumerate(prints) if fingerprint is not None]
    pairs = []
    for position, (i, mine) in enumerate(readable[:-1]):
        others = readable[position + 1 :]
        upright = np.array([theirs.hashes[0] for _, theirs in others])
        distances = (mine.hashes[:, np.newaxis] != upright).sum(axis=2)  # [8, others]
        for column in np.flatnonzero(distances.min(axis=0) <= MAX_HASH_DISTANCE):
            j, theirs = others[column]
            turn = distances[:, column].argmin()
            difference = mine.colours[turn] - theirs.colours[0]
            if np.sqrt((difference**2).mean()) <= MAX_COLOUR_DISTANCE:
                pairs.append((i, j, int(distances[turn, column])))
    return sorted(pairs, key=lambda pair: pair[2])


def check_readable(unreadable: Mapping[Photo, InputError]) -> None:
    """Refuse photos of which some cannot be decoded.

    Raises:
        DataError: Counting them, and naming the first.
    """
    if unreadable:
        first = next(iter(unreadable.values()))
        count = "1 photo" if len(unreadable) == 1 else f"{len(unreadable)} photos"
        raise DataError(f"{count} cannot be read ({first}): remove or replace, `python -m train audit` lists them")


def duplicate_groups(photos: Sequence[Photo], pairs: Sequence[Pair]) -> npt.NDArray[np.int64]:
    """Group photos that are duplicates, directly or through others.

    Args:
        photos: The photos; copies of one file are duplicates whatever the pairs say.
        pairs: Near duplicates among them, from `near_duplicates`.

    Returns:
        `int64 [N]`: equal numbers for duplicates.
    """
    links = [(i, j) for i, j, _ in pairs]
    first_with: dict[str, int] = {}
    links += [(first_with.setdefault(photo.sha256, i), i) for i, photo in enumerate(photos)]
    rows, columns = np.array(links).T
    graph = csr_array((np.ones(len(links)), (rows, columns)), shape=(len(photos), len(photos)))
    groups: npt.NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)

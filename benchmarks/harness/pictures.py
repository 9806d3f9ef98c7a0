"""The photos that are classified: those of a folder, or drawn ones, so that a bare machine can measure too."""

from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from edge_infer.pictures.finding.folders import find_images

DRAWN = 32
SIZE = (400, 400)  # that of most gem photos
QUALITY = 85
FACE_HEIGHT_PX = 170

Picture = TypeVar("Picture")


def draw_photos(folder: Path, *, with_face: bool, count: int = DRAWN) -> list[str]:
    """Draw pictures and save them as JPEGs of about the size and bytes of a gem photo.

    Args:
        folder: Where to write them.
        with_face: Draw a face in each, which the detector finds.
        count: How many.
    """
    paths = []
    for number in range(count):
        path = folder / f"drawn_{number:03d}.jpg"
        _draw(number, with_face).save(path, "JPEG", quality=QUALITY)
        paths.append(str(path))
    return paths


def link_photos(photos: Sequence[str], folder: Path, count: int) -> list[str]:
    """Fill a folder with `count` hard links to photos, over and over, or copies where links cannot be made."""
    paths = []
    for number, photo in enumerate(islice(cycle(photos), count)):
        target = folder / f"{number:06d}{Path(photo).suffix}"
        try:
            target.hardlink_to(photo)
        except OSError:  # another disk, or a file of another user
            target.write_bytes(Path(photo).read_bytes())
        paths.append(str(target))
    return paths


def photos_of(folder: Path | None, scratch: Path, *, with_face: bool) -> list[str]:
    """Return the photos of a folder and its sub-folders, or drawn ones without a folder.

    Raises:
        FileNotFoundError: The folder holds none.
    """
    if folder is None:
        return draw_photos(scratch, with_face=with_face)
    photos = find_images(folder, recursive=True)
    if not photos:
        raise FileNotFoundError(f"{folder} holds no pictures")
    return photos


def spread(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """Return `count` of the pictures, evenly spaced; all of them if there are not so many."""
    if count >= len(pictures):
        return list(pictures)
    return [pictures[number * len(pictures) // count] for number in range(count)]


def _draw(number: int, with_face: bool) -> Image.Image:
    rng = np.random.default_rng(number)
    if with_face:
        from benchmarks.harness.drawn_face import picture_with_faces

        return picture_with_faces(SIZE, [(int(rng.integers(40, 220)), int(rng.integers(40, 200)), FACE_HEIGHT_PX)])
    coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8))
    return coarse.resize(SIZE, Image.Resampling.BICUBIC)

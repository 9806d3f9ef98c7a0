"""What the page knows of each photo: its answer, a thumbnail, and a small map of what speaks for the answer."""

import base64
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from edge_infer.explaining.explanation import ClassMap, Explanation
from edge_infer.pictures.loading import ImageSource, load_rgb
from edge_infer.results import Prediction

THUMBNAIL_PX = 132
MAP_SIDE = 24
_QUALITY = 72
_TOP = 3
_STRONGEST = 127

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo lies.

    Attributes:
        name: Its path in the folder that the page is of.
        link: What the page calls it.
        truth: The class whose folder it is in; None where there is no such folder.
    """

    name: str
    link: str
    truth: str | None

    @classmethod
    def of(cls, photo: str, folder: Path, page: Path, labels: tuple[str, ...]) -> "Place":
        """Return a photo's place.

        Args:
            photo: Its path.
            folder: What the page is of.
            page: Where the page will be.
            labels: The model's; a folder of such a name, however it is written, holds photos of the class.
        """
        name = Path(os.path.relpath(photo, folder))
        try:
            link = quote(Path(os.path.relpath(photo, page.parent)).as_posix())
        except ValueError:  # another drive
            link = Path(photo).absolute().as_uri()
        folders = (*reversed(name.parts[:-1]), name_of(folder))
        truth = next((label for part in folders if (label := label_of(part, labels)) is not None), None)
        return cls(name.as_posix(), link, truth)


def name_of(folder: Path) -> str:
    """Return a folder's name, also if it was given as `.` or `..`; that of a link is the link's."""
    return Path(os.path.abspath(folder)).name  # noqa: PTH100  # resolve() would follow links, absolute() keeps `..`


def label_of(folder: str, labels: tuple[str, ...]) -> str | None:
    """Return the class that a folder's name means: as it is written, or but for case, `_` and `-`."""
    if folder in labels:
        return folder
    alike = [label for label in labels if _plain(label) == _plain(folder)]
    return alike[0] if len(alike) == 1 else None


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")


def entry(place: Place, answer: Prediction | Explanation, thumbnail: Image.Image) -> Entry:
    """Return what the page knows of an answered photo, ready for JSON.

    Args:
        place: Where it lies.
        answer: The answer, explained if it can be.
        thumbnail: The photo in small, mode RGB.
    """
    prediction = answer if isinstance(answer, Prediction) else answer.prediction
    found: Entry = {
        "name": place.name,
        "link": place.link,
        "truth": place.truth,
        "label": prediction.label,
        "score": round(prediction.score, 4),
        "certain": prediction.is_certain,
        "known": None if prediction.known is None else round(prediction.known, 4),
        "isKnown": prediction.is_known and prediction.shows_subject,
        "top": [[score.label, round(score.score, 4)] for score in prediction.top(_TOP)],
        "size": list(thumbnail.size),
        "thumbnail": _as_jpeg(thumbnail),
        "map": None,
    }
    if not isinstance(answer, Prediction):
        maps = [face[0] for face in answer.faces] if answer.faces else [answer.maps[0]]
        found["map"] = _small_map(maps)
    return found


def thumbnail_of(source: ImageSource, **loading: int) -> Image.Image:
    """Return a photo in small, mode RGB.

    Raises:
        InputError: It cannot be read, or no longer.
    """
    image = load_rgb(source, needed_side=THUMBNAIL_PX, **loading)
    factor = min(1.0, THUMBNAIL_PX / max(image.size))
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2)


def _small_map(maps: list[ClassMap]) -> Entry:
    """Return the maps of a picture, or of its faces, on one small grid, as bytes from -127 to 127."""
    factor = MAP_SIDE / max(maps[0].size)
    width, height = (max(1, round(side * factor)) for side in maps[0].size)
    together = np.zeros((height, width), np.float32)
    for found in maps:
        heat = found.on_picture((width, height))
        together += heat / max(float(np.abs(heat).max()), 1e-30)
    shares = np.rint(_STRONGEST * np.clip(together, -1, 1)).astype(np.int8)
    return {"width": width, "height": height, "shares": base64.b64encode(shares.tobytes()).decode()}


def _as_jpeg(image_rgb: Image.Image) -> str:
    encoded = BytesIO()
    image_rgb.save(encoded, "JPEG", quality=_QUALITY)
    return base64.b64encode(encoded.getvalue()).decode()

"""Does the peak lie on the stone, where its place is known? Stones are put into photos of other things."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from edge_infer import Classifier
from edge_infer.pictures.loading import load_rgb
from train.metrics import wilson_interval
from train.progress import track

SCENE_PX = 512
SHARES = (0.35, 0.5)  # of the scene's side
BACKGROUNDS = 3  # of each photo at each size


def compose(
    stone_rgb: Image.Image, background_rgb: Image.Image, share: float, rng: np.random.Generator
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Put a photo of a stone into another, at a random place; return the scene and the stone's box."""
    scene = background_rgb.resize((SCENE_PX, SCENE_PX))
    side = round(SCENE_PX * share)
    left, top = rng.integers(0, SCENE_PX - side + 1, 2).tolist()
    scene.paste(stone_rgb.resize((side, side)), (left, top))
    return scene, (left, top, left + side, top + side)


def scenes(classifier: Classifier, photos: Sequence[Path], others: Sequence[Path]) -> dict[str, Any]:
    """Return how often the peak of the stone's class lies on the stone.

    Args:
        classifier: The model.
        photos: In folders named for their class.
        others: Backgrounds.
    """
    rng = np.random.default_rng(0)
    hits: dict[float, list[tuple[bool, bool]]] = {share: [] for share in SHARES}
    for photo in track(photos, "Composing"):
        for share in SHARES * BACKGROUNDS:
            background = load_rgb(others[int(rng.integers(len(others)))])
            scene, (left, top, right, bottom) = compose(load_rgb(photo), background, share, rng)
            explanation = classifier.explain(scene, photo.parent.name)
            x, y = explanation.maps[0].peak or (-1.0, -1.0)
            is_hit = left <= x < right and top <= y < bottom
            hits[share].append((is_hit, explanation.prediction.label == photo.parent.name))
    return {"all": _share([hit for found in hits.values() for hit in found])} | {
        f"{share:g}": _share(found) for share, found in hits.items()
    }


def _share(hits: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    on_stone, of_right = sum(hit for hit, _ in hits), [hit for hit, is_right in hits if is_right]
    return {
        "scenes": len(hits),
        "on_stone": on_stone,
        "share": on_stone / len(hits),
        "share_95": wilson_interval(on_stone, len(hits)),
        "answered_right": len(of_right),
        "answered_right_on_stone": sum(of_right),
    }

"""How a model's training code turned photos into input, found out: by which way it answers labelled photos best.

Photos of a sample are shown in every way that is not told, more and more of them in those that may yet be the best.
`train.imports.trial` says what a way is worth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from edge_infer.model_file.metadata import Interpolation, Resize
from train.errors import ImportDecisionError
from train.imports.imported import Imported
from train.imports.scaling import Scaling
from train.imports.trial import Channels, Trial, Tried, Way
from train.metrics import Ints, wilson_interval
from train.progress import track

SAMPLE_PHOTOS = 96
_LOOKS = ((12, 10), (24, 3), (48, 3))  # photos that ways are tried on, and how many may go on to more photos then
_CLEAR_DEVIATIONS = 1.645  # by which the best must be ahead: 95 %, one-sided
_FAR_DEVIATIONS = 2.326  # by which a way is so far behind that it needs no further look: 99 %
_RESIZES = 2  # that are tried on more photos than all are
_SAME = 0.02  # of a probability: ways that differ by less are one, and in bfloat16 the same way may differ by 0.01
_FAR_BETTER = 0.1  # of the photos
_FAR_BETTER_PHOTOS = 3


@dataclass(frozen=True, slots=True)
class Known:
    """What the user says of the way; None for what is to be measured."""

    scaling: Scaling | None = None
    channels: Channels | None = None
    resize: Resize | None = None
    interpolation: Interpolation | None = None


def find_way(
    imported: Imported,
    paths: Sequence[Path],
    targets: Ints,
    known: Known,
    *,
    is_order_told: bool,
    report: Callable[[Tried], object] = lambda _: None,
) -> tuple[Tried, list[Tried]]:
    """Find the way in which a model answers photos best.

    Args:
        imported: The model.
        paths: Labelled photos.
        targets: For each, its class in the order of the labels.
        known: What is told.
        is_order_told: Whether the labels' order is the outputs'; otherwise any other is tried too.
        report: Called with everything that was tried on the whole sample.

    Returns:
        The best, and all that was tried.

    Raises:
        ImportDecisionError: None is clearly the best, or none is better than chance.
    """
    sample = _sample(targets)
    trial = Trial(imported, [paths[i] for i in sample], targets[sample], is_order_told=is_order_told)
    scalings = [known.scaling] if known.scaling else get_args(Scaling)
    channels = [known.channels == "bgr"] if known.channels else [False, True]
    first = Way("none", is_bgr=False, resize=known.resize or "stretch", interpolation=known.interpolation or "bilinear")
    ways = [replace(first, scaling=scaling, is_bgr=is_bgr) for scaling, is_bgr in product(scalings, channels)]
    tried, dropped = _best_scalings(trial, ways)
    best = tried[-1]
    _check_clear(tried)
    resizes = [known.resize] if known.resize else get_args(Resize)
    filters = [known.interpolation] if known.interpolation else get_args(Interpolation)
    rules = [replace(best.way, resize=resize, interpolation=each) for resize, each in product(resizes, filters)]
    surer, others = _surer_resizes(trial, [way for way in rules if way != best.way], best)
    all_tried = [*dropped, *others, *tried, *surer]
    for found in all_tried:
        report(found)
    return min([best, *surer], key=_loss), all_tried


def check_order(best: Tried, labels: Sequence[str]) -> None:
    """Refuse the order of the folders' names where another explains the answers far better.

    Raises:
        ImportDecisionError: One does; the message shows it.
    """
    gained = best.right - best.right_as_told
    if gained > max(_FAR_BETTER_PHOTOS, _FAR_BETTER * best.photos):
        order = [label for _, label in sorted(zip(best.assignment, labels, strict=True))]
        raise ImportDecisionError(
            f"its outputs fit the photos far better as --labels {','.join(order)} ({best.right} of {best.photos} "
            f"right) than in the order of the folders' names ({best.right_as_told}): give --labels in the model's order"
        )


def _best_scalings(trial: Trial, ways: Sequence[Way]) -> tuple[list[Tried], list[Tried]]:
    """Try ways to scale on more and more photos: each time those that may yet be the best.

    Returns:
        Those that were tried on the whole sample, the best last, and what was seen of the others.
    """
    dropped: list[Tried] = []
    for photos, most in _LOOKS:
        if len(ways) > 1:
            *others, leader = sorted((trial.run(way, photos) for way in track(ways, "Trying scalings")), key=_rank)
            near = [found for found in others if not _is_ahead(leader, found, _FAR_DEVIATIONS)][1 - most :]
            dropped += [found for found in others if found not in near]
            ways = [found.way for found in (*near, leader)]
    return sorted((trial.run(way) for way in track(ways, "Trying the best")), key=_rank), dropped


def _surer_resizes(trial: Trial, ways: Sequence[Way], usual: Tried) -> tuple[list[Tried], list[Tried]]:
    """Try other ways to resize: each time those that end up clearly better than the usual one if they go on like that.

    They differ little: one that is not clearly better is as good as the usual one.

    Returns:
        Those that are, on the whole sample, and what was seen of the others.
    """
    seen: dict[Way, Tried] = {}
    for photos in (*(photos for photos, _ in _LOOKS), usual.photos):
        deviations = _CLEAR_DEVIATIONS * np.sqrt(min(photos / usual.photos, 1))
        compared = trial.run(usual.way, photos)
        tried = [trial.run(way, photos) for way in track(ways, "Trying ways to resize")]
        seen |= {found.way: found for found in tried}
        ways = [found.way for found in sorted(tried, key=_loss) if _is_ahead(found, compared, deviations)][:_RESIZES]
    return [seen.pop(way) for way in ways], list(seen.values())


def _loss(tried: Tried) -> float:
    return float(tried.losses.mean())


def _rank(tried: Tried) -> tuple[float, float]:
    """Return what ways are ordered by, the best last."""
    return tried.right / tried.photos, -_loss(tried)


def _sample(targets: Ints) -> Ints:
    """Draw photos of all classes in turn, so that each part of the sample has as many of each."""
    rng = np.random.default_rng(0)
    turns = [(turn, rng.random(), place) for label in np.unique(targets) for turn, place in _drawn(targets, label, rng)]
    return np.array([place for *_, place in sorted(turns)][:SAMPLE_PHOTOS], np.int64)


def _drawn(targets: Ints, label: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    return list(enumerate(rng.permutation(np.flatnonzero(targets == label)).tolist()))


def _check_clear(tried: Sequence[Tried]) -> None:
    """Refuse to guess between ways to scale, the best of which comes last."""
    best = tried[-1]
    low, _ = wilson_interval(best.right, best.photos)
    if low <= 1 / len(best.assignment):
        raise ImportDecisionError(
            f"it answers these photos no better than chance, in whatever way they are scaled (at best {best.right} of "
            f"{best.photos} right, {best.way}): are they of its classes? --preprocessing and --channels say the way"
        )
    for other in reversed(tried[:-1]):
        if np.abs(np.exp(other.log_probabilities) - np.exp(best.log_probabilities)).max() < _SAME:
            continue
        if not _is_ahead(best, other):
            raise ImportDecisionError(
                f"two ways to scale pixels answer equally well, {best.way} ({best.right} of {best.photos} right) and "
                f"{other.way} ({other.right}): say which with --preprocessing and --channels"
            )


def _is_ahead(best: Tried, other: Tried, deviations: float = _CLEAR_DEVIATIONS) -> bool:
    """Return whether a way is clearly better than another on the same photos: surer of them, or right more often."""
    gained = other.losses - best.losses
    is_surer = gained.mean() > deviations * gained.std(ddof=1) / np.sqrt(len(gained))
    lost, won = int((best.is_right < other.is_right).sum()), int((best.is_right > other.is_right).sum())
    return bool(is_surer) or won - lost > deviations * np.sqrt(won + lost)  # McNemar 1947

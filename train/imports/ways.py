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
from train.imports.imported import Imported, scales_by_itself
from train.imports.scaling import Channels, Scaling, is_usually_bgr
from train.imports.trial import Trial, Tried, Way
from train.metrics import Ints, wilson_interval
from train.progress import say, track

SAMPLE_PHOTOS = 96
_LOOKS = ((12, 10), (24, 3), (48, 3))  # photos that ways are tried on, and how many may go on to more photos then
_CLEAR_DEVIATIONS = 1.645  # by which the best must be ahead: 95 %, one-sided
_FAR_DEVIATIONS = 2.326  # by which a way is so far behind that it needs no further look: 99 %
_RESIZES = 2  # that are tried on more photos than all are
_SAME = 0.02  # of a probability: ways that differ by less are one, and in bfloat16 the same way may differ by 0.01
_FAR_BETTER = 0.1  # of the photos
_FAR_BETTER_PHOTOS = 3
_MOST = 0.5  # of the photos
_NEARLY_ALL = 0.8  # of the photos of classes whose outputs seem to be exchanged


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
    labels: Sequence[str],
    is_order_told: bool,
    report: Callable[[Tried], object] = lambda _: None,
) -> tuple[Tried, list[Tried]]:
    """Find the way in which a model answers photos best.

    Args:
        imported: The model.
        paths: Labelled photos.
        targets: For each, its class in the order of the labels.
        known: What is told.
        labels: Class names, in the order of the outputs if that is told.
        is_order_told: Whether it is; otherwise any other is tried too.
        report: Called with everything that was tried on the whole sample.

    Returns:
        The best, and all that was tried.

    Raises:
        ImportDecisionError: None is clearly the best, or none is better than chance.
    """
    sample = _sample(targets)
    trial = Trial(imported, [paths[i] for i in sample], targets[sample], is_order_told=is_order_told)
    tried, dropped = _best_scalings(trial, _ways_to_scale(imported, known))
    if known.channels is None:
        kept = _in_usual_channels(trial, tried)
        dropped = [found for found in (*dropped, *tried) if found.way not in {one.way for one in kept}]
        tried = kept
    best = tried[-1]
    _check_better_than_chance(trial, best, labels)
    if is_order_told:
        check_order(trial.run(best.way, is_order_told=False), labels, told="as --labels says")
    _check_clear(tried)
    resizes = [known.resize] if known.resize else get_args(Resize)
    filters = [known.interpolation] if known.interpolation else get_args(Interpolation)
    rules = [replace(best.way, resize=resize, interpolation=each) for resize, each in product(resizes, filters)]
    surer, others = _surer_resizes(trial, [way for way in rules if way != best.way], best)
    all_tried = [*dropped, *others, *tried, *surer]
    for found in all_tried:
        report(found)
    return min([best, *surer], key=_loss), all_tried


def note_scaled_twice(imported: Imported, scaling: Scaling | None) -> None:
    """Say so if a model scales pixels by itself, and is told to be given scaled ones."""
    if scaling not in (None, "none") and scales_by_itself(imported.core):
        say(
            f"Note: the model scales pixels by itself, and --preprocessing {scaling} scales them before that: if its "
            "training code did not do both, give --preprocessing none"
        )


def check_order(best: Tried, labels: Sequence[str], told: str = "in the order of the folders' names") -> None:
    """Refuse an order of the classes where another explains the answers far better.

    Args:
        best: What was tried, with the order that fits best.
        labels: Class names, in the order that is told or taken.
        told: How messages call that.

    Raises:
        ImportDecisionError: One does; the message shows it.
    """
    gained = best.right - best.right_as_told
    is_of_all, is_of_moved = gained > _FAR_BETTER * best.photos, gained >= _NEARLY_ALL * best.moved
    if gained > _FAR_BETTER_PHOTOS and (is_of_all or is_of_moved):
        raise ImportDecisionError(
            f"its outputs fit the photos far better as --labels {_in_order(best, labels)} ({best.right} of "
            f"{best.photos} right) than {told} ({best.right_as_told}): give "
            "--labels in the model's order"
        )


def _in_order(tried: Tried, labels: Sequence[str]) -> str:
    return ",".join(label for _, label in sorted(zip(tried.assignment, labels, strict=True)))


def _ways_to_scale(imported: Imported, known: Known) -> list[Way]:
    """Return the ways that may be: what is told; as the picture is, where the model scales by itself; else all."""
    first = Way("none", is_bgr=False, resize=known.resize or "stretch", interpolation=known.interpolation or "bilinear")
    note_scaled_twice(imported, known.scaling)
    scaling = "none" if known.scaling is None and scales_by_itself(imported.core) else known.scaling
    if scaling is not None:
        is_bgr = known.channels == "bgr" if known.channels else is_usually_bgr(scaling)
        return [replace(first, scaling=scaling, is_bgr=is_bgr)]
    channels = [known.channels == "bgr"] if known.channels else [False, True]
    return [replace(first, scaling=scaling, is_bgr=is_bgr) for scaling, is_bgr in product(get_args(Scaling), channels)]


def _in_usual_channels(trial: Trial, tried: Sequence[Tried]) -> list[Tried]:
    """Return what was tried, but of the best scaling one order of channels: the usual, unless the other is far ahead.

    A few photos may be answered right more often with red and blue exchanged, by luck. The best scaling stays last.
    """
    best = tried[-1]
    usual = trial.run(replace(best.way, is_bgr=is_usually_bgr(best.way.scaling)))
    chosen = best if _is_ahead(best, usual, _FAR_DEVIATIONS) else usual
    return [*(found for found in tried if found.way.scaling != best.way.scaling), chosen]


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


def _check_better_than_chance(trial: Trial, best: Tried, labels: Sequence[str]) -> None:
    """Refuse photos of other classes.

    Raises:
        ImportDecisionError: The photos are none of the model's, or the labels are told in a wrong order.
    """
    chance = 1 / len(labels)
    if wilson_interval(best.right, best.photos)[0] > chance:
        return
    other = trial.run(best.way, is_order_told=False)
    if wilson_interval(other.right, other.photos)[0] > max(chance, _MOST):
        raise ImportDecisionError(
            f"its outputs fit the photos as --labels {_in_order(other, labels)} ({other.right} of {other.photos} "
            f"right), and not as --labels says ({best.right}): give --labels in the model's order"
        )
    raise ImportDecisionError(
        f"it answers these photos no better than chance, in whatever way they are scaled (at best {best.right} of "
        f"{best.photos} right, {best.way}): are they of its classes? --preprocessing and --channels say the way"
    )


def _check_clear(tried: Sequence[Tried]) -> None:
    """Refuse to guess between ways to scale, the best of which comes last."""
    best = tried[-1]
    for other in reversed(tried[:-1]):
        if np.abs(np.exp(other.log_probabilities) - np.exp(best.log_probabilities)).max() < _SAME:
            continue
        if not _is_ahead(best, other):
            raise ImportDecisionError(
                f"two ways to scale pixels answer equally well, {best.way} ({best.right} of {best.photos} right) and "
                f"{other.way} ({other.right}): say which with --preprocessing and --channels; if the training code "
                "did neither, save the model with a Rescaling that does what it did, and give --preprocessing none"
            )


def _is_ahead(best: Tried, other: Tried, deviations: float = _CLEAR_DEVIATIONS) -> bool:
    """Return whether a way is clearly better than another on the same photos: surer of them, or right more often."""
    gained = other.losses - best.losses
    is_surer = gained.mean() > deviations * gained.std(ddof=1) / np.sqrt(len(gained))
    lost, won = int((best.is_right < other.is_right).sum()), int((best.is_right > other.is_right).sum())
    return bool(is_surer) or won - lost > deviations * np.sqrt(won + lost)  # McNemar 1947

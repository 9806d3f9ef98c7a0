"""What a network is worth on photos from elsewhere: how right, by class and kind, and how right where it is certain."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from train.data.dataset import Elsewhere, Strangers
from train.metrics import Floats, Ints

_RESAMPLES = 2000

Bools = npt.NDArray[np.bool_]


def measure_elsewhere(
    probabilities: Floats, certain: Bools, elsewhere: Elsewhere, labels: Sequence[str]
) -> dict[str, Any] | None:
    """Measure held-out answers for photos from elsewhere.

    Args:
        probabilities: `[repeats, M, C]`, each row from a model that saw none of the photo's source.
        certain: Which of the first repeats' answers are certain, `[some repeats, M]`.
        elsewhere: The photos.
        labels: Class names, in output order.

    Returns:
        Accuracy, `certain` (the share of certain answers) and `right_of_certain`, each with its 95 % interval; and
        the same by class and by kind, without. None where there are no photos.
    """
    if not elsewhere.photos:
        return None
    right = probabilities.argmax(axis=-1) == elsewhere.targets
    certain_right = certain & right[: len(certain)]
    counts = np.stack([right.mean(axis=0), certain.mean(axis=0), certain_right.mean(axis=0)])
    drawn = resampled_counts(counts, elsewhere.groups)
    kinds = np.array([sourced.kind for sourced in elsewhere.photos])
    names = np.array(labels)[elsewhere.targets]
    total = _shares(counts)
    return {
        "photos": len(elsewhere.photos),
        "sources": len(np.unique(elsewhere.groups)),
        **total,
        "accuracy_95": share_interval(drawn[:, 1], drawn[:, 0]),
        "certain_95": share_interval(drawn[:, 2], drawn[:, 0]),
        "right_of_certain_95": share_interval(drawn[:, 3], drawn[:, 2]),
        "by_class": {label: _shares(counts[:, names == label]) for label in labels if (names == label).any()},
        "by_kind": {str(kind): _shares(counts[:, kinds == kind]) for kind in np.unique(kinds) if kind},
    }


def measure_strangers(certain: Bools, strangers: Strangers) -> dict[str, Any] | None:
    """Measure how quiet held-out answers for strangers are.

    Args:
        certain: Which answers are certain, `[S]`, each from a model that saw none of the picture's kind.
        strangers: The pictures.

    Returns:
        The share of certain answers, and the same by part, with 95 % intervals over kinds. None where there are no
        pictures.
    """
    if not strangers.photos:
        return None
    parts = np.array([sourced.part for sourced in strangers.photos])

    def quiet(chosen: Bools) -> dict[str, Any]:
        drawn = resampled_counts(certain[np.newaxis, chosen].astype(float), strangers.groups[chosen])
        return {
            "pictures": int(chosen.sum()),
            "kinds": len(np.unique(strangers.groups[chosen])),
            "certain": float(certain[chosen].mean()),
            "certain_95": share_interval(drawn[:, 1], drawn[:, 0]),
        }

    return {
        **quiet(np.ones(len(parts), bool)),
        "by_part": {str(part): quiet(parts == part) for part in np.unique(parts)},
    }


def resampled_counts(counts: Floats, groups: Ints) -> Floats:
    """Draw whole groups with replacement: photos of one source are right or wrong together (cluster bootstrap).

    Args:
        counts: Of each photo, `[K, M]`.
        groups: `[M]`.

    Returns:
        Photos and sums of the counts in each resample, `[resamples, 1 + K]`.
    """
    _, group = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(group), *(np.bincount(group, row) for row in counts)], axis=1)
    chosen = np.random.default_rng(0).integers(0, len(sums), (_RESAMPLES, len(sums)))
    drawn: Floats = sums[chosen].sum(axis=1)
    return drawn


def _shares(counts: Floats) -> dict[str, Any]:
    """Return the shares of right and of certain answers, and of the right ones among the certain; null of none."""
    right, certain, certain_right = counts.sum(axis=1)
    photos = counts.shape[1]
    return {
        "photos": photos,
        "accuracy": right / photos,
        "certain": certain / photos,
        "right_of_certain": certain_right / certain if certain else None,
    }


def share_interval(part: Floats, whole: Floats) -> list[float] | None:
    """Return the 95 % interval of a share; null where there is nothing to share."""
    kept = whole > 0
    if not kept.any():
        return None
    return [float(end) for end in np.quantile(part[kept] / whole[kept], (0.025, 0.975))]


def elsewhere_lines(measured: dict[str, Any]) -> list[str]:
    """Return the figures as a part of the report's page."""
    accuracy, certain, right = (
        f"{measured[name]:.1%} (95 % interval {measured[f'{name}_95'][0]:.1%}-{measured[f'{name}_95'][1]:.1%})"
        if measured[name] is not None
        else "none"
        for name in ("accuracy", "certain", "right_of_certain")
    )
    lines = [
        "## Photos from elsewhere",
        "",
        f"{measured['photos']} photos from {measured['sources']} sources, each answered by a model that saw none of "
        "its source.",
        "",
        f"- right: {accuracy}",
        f"- certain: {certain}",
        f"- right where certain: {right}",
    ]
    for what in ("kind", "class"):
        rows = measured[f"by_{what}"]
        if rows:
            lines += ["", f"| {what} | photos | right | certain | right where certain |", "|---|---|---|---|---|"]
            lines += [f"| {name} | {_row(row)} |" for name, row in rows.items()]
    return [*lines, ""]


def stranger_lines(measured: dict[str, Any]) -> list[str]:
    """Return the figures as a part of the report's page."""
    rows = {**measured["by_part"], "all": measured}
    return [
        "## Pictures of none of the classes",
        "",
        "Each answered by a model that saw none of its kind; none should be certain.",
        "",
        "| part | pictures | kinds | certain | 95 % interval |",
        "|---|---|---|---|---|",
        *(
            f"| {part} | {row['pictures']} | {row['kinds']} | {row['certain']:.1%} "
            f"| {row['certain_95'][0]:.1%}-{row['certain_95'][1]:.1%} |"
            for part, row in rows.items()
        ),
        "",
    ]


def _row(row: dict[str, Any]) -> str:
    right = "-" if row["right_of_certain"] is None else f"{row['right_of_certain']:.0%}"
    return f"{row['photos']} | {row['accuracy']:.0%} | {row['certain']:.0%} | {right}"

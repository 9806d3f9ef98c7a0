"""What a training run reached on photos from elsewhere, and how quiet it is about strangers."""

from collections.abc import Mapping
from typing import Any, Literal

from benchmarks.pages.tables.markdown import table

Metrics = Mapping[str, Any]
OTHER_STONES = ("gems_other", "other_stones")


def summary_table(metrics: Metrics) -> str:
    """Return the run's figures: photos from elsewhere, the set's own, pictures of none of the classes."""
    elsewhere, test, kfold, parts = (
        metrics["elsewhere"],
        metrics["test"],
        metrics["kfold"],
        metrics["strangers"]["by_part"],
    )
    rows = [
        (
            f"{elsewhere['photos']} photos from {elsewhere['sources']} other sources, right",
            _share(elsewhere, "accuracy"),
        ),
        ("of them certain", _share(elsewhere, "certain")),
        ("right where certain", _share(elsewhere, "right_of_certain")),
        ("the set's own test", f"{test['right']}/{test['photos']}, {_share(test, 'accuracy')}"),
        ("the set's own k-fold", _share(kfold, "mean_accuracy")),
    ]
    for name, part in parts.items():
        rows.append(
            (f"`{name}`, {part['pictures']} pictures of {part['kinds']} kinds, certain", _share(part, "certain"))
        )
    stones = [parts[name] for name in OTHER_STONES]
    together = sum(part["certain"] * part["pictures"] for part in stones) / sum(part["pictures"] for part in stones)
    rows.append((" and ".join(f"`{name}`" for name in OTHER_STONES) + " together, certain", f"{together:.1%}"))
    return table(("what", "measured (95 % interval)"), rows)


def breakdown_table(metrics: Metrics, by: Literal["kind", "class"]) -> str:
    """Return the same for the photos from elsewhere, by how the stone is cut or set, or by class."""
    rows = [
        (name, str(part["photos"]), *(_percent(part[what]) for what in ("accuracy", "certain", "right_of_certain")))
        for name, part in metrics["elsewhere"][f"by_{by}"].items()
    ]
    return table((by, "photos", "right", "certain", "right where certain"), rows)


def _share(part: Metrics, what: str) -> str:
    low, high = part[f"{what}_95"]
    return f"{part[what]:.1%} ({low:.1%}-{high:.1%})"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"

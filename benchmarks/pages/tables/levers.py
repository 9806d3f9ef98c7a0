"""What each lever gave on photos from elsewhere, and what is certain with the recommended recipe."""

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.tables.markdown import table

Kept = Mapping[str, Any]
GROUPS = ("depth", "views", "looks", "pooling", "eg2")
# What the table calls the parts of the strangers; the files say what each holds.
STRANGERS = {
    "gems_other": "gems_other",
    "other_stones": "other_stones",
    "both_stones": "both",
    "things": "things",
    "faces": "faces",
}


def lever_table(kept: Kept, group: str) -> str:
    """Return the levers of one group, in the order of the kept result."""
    head = (
        "lever",
        "elsewhere",
        "mean of classes",
        "own k-fold",
        "own test",
        "top half",
        "passes",
        "device",
        "repeats",
    )
    rows = []
    for row in kept["rows"].values():
        if row["group"] == group:
            low, high = row["wild_95"]
            rows.append(
                (
                    _label(row),
                    f"{row['wild']:.1%} ({low:.0%}-{high:.0%})",
                    f"{row['mean_of_classes']:.1%}",
                    f"{row['own']:.1%}",
                    f"{row['test']['right']}/{row['test']['photos']}" if "test" in row else "not run",
                    _share(row.get("top_half"), 1),
                    f"{row['passes']:g}",
                    f"{row['device_passes']:.3g}",
                    str(row["measured_by"]["repeats"]),
                )
            )
    return table(head, rows)


def colour_table(kept: Kept) -> str:
    """Return what was measured again with the colours right, beside the study's own features in the same folds."""
    exchanged = kept["measured_again"]["rows"]
    head = ("lever", "elsewhere", "mean of classes", "own k-fold", "own test", "elsewhere, colours exchanged")
    rows = []
    for name, row in kept["right_colours"]["rows"].items():
        low, high = row["wild_95"]
        rows.append(
            (
                name,
                f"{row['wild']:.1%} ({low:.0%}-{high:.0%})",
                f"{row['mean_of_classes']:.1%}",
                f"{row['own']:.1%}",
                f"{row['test']['right']}/{row['test']['photos']}",
                _share(exchanged.get(name, {}).get("wild"), 1),
            )
        )
    return table(head, rows)


def certainty_table(kept: Kept) -> str:
    """Return what is certain with each known head, at thresholds that keep the set's own right answers."""
    head = ("known head", "rule", "own kept", "elsewhere", "right of those", *STRANGERS.values())
    rows = [
        (
            _label(row),
            row["rule"],
            _share(row["own_kept"], 1),
            _share(row["wild_certain"], 1),
            _share(row["right_of_certain"], 1),
            *(_share(row[part], 1) for part in STRANGERS),
        )
        for row in kept["certainty"].values()
    ]
    return table(head, rows)


def breakdown_table(kept: Kept, by: str) -> str:
    """Return the recommended recipe's answers `by` "kinds" or "classes"."""
    named = next(row[by] for row in kept["certainty"].values() if by in row)
    rows = [
        (name, str(row["photos"]), *(_share(row[what], 0) for what in ("right", "certain", "right_of_certain")))
        for name, row in named.items()
    ]
    return table(({"kinds": "kind", "classes": "class"}[by], "photos", "right", "certain", "right of those"), rows)


def source_table(kept: Kept) -> str:
    """Return the repositories that the photos are from, and how many each gave."""
    rows = [
        (part, str(sum(given.values())), ", ".join(f"{name} ({count})" for name, count in given.items()))
        for part, given in kept["sources"].items()
    ]
    return table(("folder", "photos", "repositories on GitHub (photos)"), rows)


def _label(row: Kept) -> str:
    """Mark what no kept command measures again."""
    return row["label"] if row["measured_by"]["repeated_by"] else f"{row['label']} †"


def _share(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}%}"

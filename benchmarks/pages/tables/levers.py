"""What each lever gave on photos from elsewhere, and what the command's own `known` leaves certain."""

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.tables.markdown import table

Kept = Mapping[str, Any]
# As in `benchmarks.levers`, which would import TensorFlow.
KNOWN, ASKED = "known", "asked"
STRANGERS = ("gems_other", "other_stones", "things")
# How the names of a table's levers begin.
GROUPS = {
    "depth": ("baseline", "C ", "blocks ", "288 px", "320 px"),
    "views": ("2 views", "4 views", "6 views"),
    "looks": ("second look",),
    "pooling": ("pooling ",),
    "eg2": ("eg2",),
}


def lever_table(kept: Kept, group: str) -> str:
    """Return the measured levers of a group, in the order in which they were measured."""
    head = ("lever", "elsewhere", "mean of classes", "own k-fold", "own test", "top half", "passes", "device")
    rows = []
    for name, row in kept["rows"].items():
        if name.startswith(GROUPS[group]):
            rows.append(
                (
                    name,
                    _with_interval(row["wild"], row["wild_95"]),
                    *(f"{row[what]:.1%}" for what in ("mean_of_classes", "own")),
                    f"{row['test']['right']}/{row['test']['photos']}",
                    f"{row['top_half']:.1%}",
                    *(f"{row[what]:.3g}" for what in ("passes", "device_passes")),
                )
            )
    return table(head, rows)


def certainty_table(kept: Kept) -> str:
    """Return what is certain with the recommended recipe, in the levers' folds; no rows before that is measured."""
    head = ("what", "measured")
    if KNOWN not in kept["rows"]:
        return table(head, [])
    row = kept["rows"][KNOWN]
    certainty, strangers = row["certainty"], row["certainty"]["strangers_certain"]
    rows = [
        ("photos from elsewhere, right", _with_interval(row["wild"], row["wild_95"])),
        ("of them certain", _with_interval(certainty["wild_certain"], certainty["wild_certain_95"])),
        (
            "right where certain",
            _with_interval(certainty["wild_right_of_certain"], certainty["wild_right_of_certain_95"]),
        ),
        ("the set's own right answers that stay certain", f"{certainty['own_kept']:.1%}"),
        *((f"`{part}`, certain", f"{share:.1%}") for part, share in strangers.items() if part != ASKED),
        ("faces, which nothing learned from, certain", f"{strangers[ASKED]:.1%}"),
    ]
    return table(head, rows)


def second_look_table(kept: Kept) -> str:
    """Return what second looks of the slim network give on photos from elsewhere, and how quiet they are."""
    rows = []
    for name, row in kept["rows"].items():
        elsewhere, strangers = row["elsewhere"], row["strangers"]["by_part"]
        rows.append(
            (
                name,
                _with_interval(elsewhere["accuracy"], elsewhere["accuracy_95"]),
                f"{elsewhere['certain']:.1%}",
                _with_interval(elsewhere["right_of_certain"], elsewhere["right_of_certain_95"]),
                f"{row['own']:.1%}",
                f"{row['own_kept']:.1%}",
                " / ".join(f"{strangers[part]['certain']:.1%}" for part in STRANGERS),
            )
        )
    head = ("looks", "elsewhere", "certain", "right where certain", "own k-fold", "own kept", "strangers certain")
    return table(head, rows)


def _with_interval(share: float, interval: tuple[float, float]) -> str:
    return f"{share:.1%} ({interval[0]:.0%}-{interval[1]:.0%})"

"""Yardsticks of made-up photos, for the tests of levers."""

from pathlib import Path

import numpy as np

from benchmarks.levers.yardstick import OWN, OWN_TEST, STRANGER, WILD, Yardstick
from train.data.photos import Photo

LABELS = ("a", "b", "c")


def yardstick(
    *, own: int = 10, sources: int = 8, of_source: int = 3, kinds: int = 10, of_kind: int = 3, things: int = 6
) -> Yardstick:
    """Make photos: `own` a class and two of the test, `of_source` from each source of a class, strangers by kind."""
    rows: list[tuple[str, int, str, str, str]] = []
    for target, label in enumerate(LABELS):
        rows += [(OWN, target, OWN, OWN, f"own {label} {i // 2}") for i in range(own)]  # pairs of duplicates
        rows += [(OWN_TEST, target, OWN, OWN, f"test {label} {i}") for i in range(2)]
    for source in range(sources):
        for target, label in enumerate(LABELS):
            name = f"seller {label} {source}"
            rows += [(WILD, target, name, ("rough", "cut")[i % 2], name) for i in range(of_source)]
    rows += [("other_stones", STRANGER, "x", f"kind {k}", f"kind {k}") for k in range(kinds) for _ in range(of_kind)]
    rows += [("things", STRANGER, f"shop {t}", "thing", f"things of {t}") for t in range(things) for _ in range(2)]
    parts, targets, named, kinds_, units = zip(*rows, strict=True)
    photos = [Photo(Path(f"{i}.jpg"), "" if t < 0 else LABELS[t], f"{i:064x}") for i, t in enumerate(targets)]
    return Yardstick(
        LABELS,
        photos,
        np.array(parts),
        np.array(targets),
        np.array(named),
        np.array(kinds_),
        np.unique(units, return_inverse=True)[1],
    )

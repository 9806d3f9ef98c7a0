"""What `python -m benchmarks.explain` has measured."""

from typing import Any

from benchmarks.explain.curves import RANKINGS
from benchmarks.pages.tables.markdown import table

CURVES = {"test": "test photos", "elsewhere": "photos from elsewhere"}


def explain_table(parts: dict[str, Any]) -> str:
    """Return every figure with what must hold."""
    rows: list[tuple[str, str, str]] = []
    figures = {name: part["figures"] for name, part in parts.items()}
    for name, found in figures.get("completeness", {}).items():
        rows.append(
            (
                f"largest error of a sum, {found['maps']} maps of {found['photos']} photos, {name}",
                f"{found['largest_error']:.0e}",
                f"at most {found['allowed']:g}",
            )
        )
    for key, what in CURVES.items():
        if (found := figures.get("curves", {}).get(key)) is None:
            continue
        for name in RANKINGS:
            lead = found[name].get("map_leads_by_95")
            must = "" if lead is None else f"the map leads by {lead[0]:.3f} to {lead[1]:.3f} (95 %)"
            areas = f"{found[name]['insertion']:.3f} - {found[name]['deletion']:.3f} = {found[name]['gap']:.3f}"
            rows.append((f"insertion less deletion, {found['photos']} {what}, {name}", areas, must))
    if "scenes" in figures:
        found = figures["scenes"]["all"]
        low, high = found["share_95"]
        share = f"{found['on_stone']}/{found['scenes']}, {found['share']:.0%} ({low:.0%}-{high:.0%})"
        rows.append(("peak on the stone, composed scenes", share, "at least 90 %"))
        of_right = f"{found['answered_right_on_stone']}/{found['answered_right']}"
        rows.append(("the same, scenes that are answered right", of_right, ""))
    if "times" in figures:
        found = figures["times"]
        rows.append(("time of `explain` to that of `classify`", f"{found['ratio_p50']:.2f}", "at most 1.5"))
    if "live" in figures:
        found = figures["live"]
        rows.append(
            (
                "frames per second, live page, two cores, with the map (without)",
                f"{found['with_map']['fps']:.1f} ({found['plain']['fps']:.1f})",
                "at least 25",
            )
        )
    return table(("what", "measured", "must hold"), rows)

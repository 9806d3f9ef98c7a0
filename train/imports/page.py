"""The report of an imported run: what was tried and measured, as a page."""

from typing import Any

from train.imports.record import ImportRecord
from train.results.measure import MEASURED_PARTS


def to_markdown(record: ImportRecord, metrics: dict[str, Any]) -> str:
    """Return what was tried and measured as a page."""
    slim = metrics.get("slim")
    lines = [
        f"# {record.file}, imported",
        "",
        f"{metrics['parameters']:,} parameters; it ends in {record.ending}. Photos become input by {record.scaling} "
        f"scaling, {record.channels}, {record.resize}, {record.interpolation}.",
        *([] if slim is None else ["", _slimmed(slim)]),
        "",
        "| tried: scaling, channels, resize, filter | photos | right | log loss |",
        "|---|---|---|---|",
    ]
    for tried in metrics["tried"]:
        lines.append(f"| {tried['way']} | {tried['photos']} | {tried['right']} | {tried['log_loss']:.3f} |")
    lines += ["", "| part | right | accuracy | 95 % interval | ECE |", "|---|---|---|---|---|"]
    for part in MEASURED_PARTS:
        found = metrics[part]
        low, high = found["accuracy_95"]
        shares = f"{found['accuracy']:.1%} | {low:.1%}-{high:.1%} | {found['ece']:.3f}"
        lines.append(f"| {part} | {found['right']}/{found['photos']} | {shares} |")
    calibration = metrics["calibration"]
    lines += [
        "",
        "Nobody knows here which photos it was trained on. If these are among them, they are not held out, and the "
        "figures say too much: `--test DIR` names photos that it has not seen.",
        "",
        f"Temperature {calibration['temperature']:.3f}; answers below {calibration['min_score']:.3f} are uncertain.",
    ]
    return "\n".join(lines) + "\n"


def _slimmed(slim: dict[str, Any]) -> str:
    widths = "-".join(map(str, slim["widths"]))
    return (
        f"Slimmed to {widths} channels, {slim['speedup']:.1f} times fewer multiply-accumulates, and taught by the "
        f"original on {slim['pictures']} pictures. What was tried, was tried on the original."
    )

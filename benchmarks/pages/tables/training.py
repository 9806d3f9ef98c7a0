"""What the kept training runs reached, beside what the published recipes did."""

from collections.abc import Mapping
from typing import Any

from benchmarks.pages.tables.markdown import table

Result = dict[str, Any]

# What the student projects published. The gems' test had 43 photos too;
# the faces were another, larger set of the same kind.
PUBLISHED = {
    "gems-baseline": {"validation": "50 %", "test": "77 %"},
    "gems-improved": {"validation": "84 %", "test": "95 % (41/43)"},
    "gender-baseline": {"validation": "85.2 %", "test": "86.6 %"},
    "gender-l2": {"validation": "88 % at its peak", "test": "not published"},
}
PUBLISHED_LOSS = {"gender-baseline": "*3.7855*", "gender-l2": "*not published*"}


NOT_MEASURED = "not measured"


def training_table(results: Mapping[str, Result], task: str, elsewhere: Mapping[str, Result]) -> str:
    """Return a task's published and measured figures side by side.

    Args:
        results: The kept runs of all tasks.
        task: The task.
        elsewhere: By recipe, how right it is on photos from elsewhere, where the run itself did not measure it.
    """
    of_task = [result for result in results.values() if result["recipe"]["task"] == task]
    rows: list[tuple[str, ...]] = []
    for recipe, published in PUBLISHED.items():
        if recipe.startswith(task):
            shares = (f"*{published['validation']}*", f"*{published['test']}*")
            rows.append((f"*{recipe}, as published*", "*not published*", "", NOT_MEASURED, *shares, "", "", ""))
            rows += [_row(result, elsewhere) for result in of_task if result["recipe"]["name"] == recipe]
    rows += [_row(result, elsewhere) for result in of_task if result["recipe"]["name"] not in PUBLISHED]
    baseline = next(r for r in of_task if r["recipe"]["name"] == task)["metrics"]["logistic_regression"]
    shares = (_share(baseline["validation"]), _share(baseline["test"]))
    rows.append(
        (
            "logistic regression on pooled features",
            "caffe",
            "",
            NOT_MEASURED,
            *shares,
            "",
            "",
            _kfold(baseline["kfold"]),
        )
    )
    head = ("recipe", "pixels", "parameters", "elsewhere", "validation", "test", "test, 95 % interval", "ECE, test")
    return table((*head, "grouped k-fold"), rows)


def loss_table(results: Mapping[str, Result]) -> str:
    """Return the last epoch of the recipes whose published validation photos were not scaled."""
    rows = []
    for result in results.values():
        history, name = result["history"], result["recipe"]["name"]
        if "rescaled_val_loss" in history:
            cells = [
                f"{history[f'{prefix}loss'][-1]:.3f}, {history[f'{prefix}accuracy'][-1]:.1%}"
                for prefix in ("val_", "rescaled_val_")
            ]
            rows.append((name, PUBLISHED_LOSS[name], *cells))
    measured = ("val_loss, val_acc as published", "val_loss, val_acc with the photos scaled")
    return table(("recipe", "published val_loss", *measured), rows)


def crop_table(measured: Mapping[str, Any]) -> str:
    """Return what each way to cut a face out is worth."""
    rows = []
    for row in measured["rules"]:
        kind = "upright square by the landmarks" if row["upright"] else "the detector's box"
        elsewhere = f"{row['right'] / row['portraits']:.1%} ({row['right']}/{row['portraits']})"
        rows.append((kind, f"{row['margin']:g}", f"{row['kfold']:.2%}", elsewhere, f"{row['log_loss']:.3f}"))
    return table(("crop", "margin", "5-fold", "portraits from elsewhere", "their log loss"), rows)


def _row(result: Result, elsewhere: Mapping[str, Result]) -> tuple[str, ...]:
    metrics = result["metrics"]
    foreign = metrics.get("elsewhere") or elsewhere.get(metrics["recipe"])
    low, high = metrics["test"]["accuracy_95"]
    return (
        f"**{metrics['recipe']}**",
        metrics["preprocessing"],
        f"{metrics['parameters']:,}",
        _with_interval(foreign) if foreign else NOT_MEASURED,
        _share(metrics["validation"]),
        _share(metrics["test"]),
        f"{low:.0%}-{high:.0%}",
        f"{metrics['test']['ece']:.3f}",
        _kfold(metrics["kfold"]) if metrics["kfold"] else "not run",
    )


def _with_interval(part: Result) -> str:
    low, high = part["accuracy_95"]
    return f"{part['accuracy']:.1%} ({low:.1%}-{high:.1%})"


def _share(part: Result) -> str:
    return f"{part['right'] / part['photos']:.1%} ({part['right']}/{part['photos']})"


def _kfold(kfold: Result) -> str:
    low, high = kfold["mean_accuracy_95"]
    return f"{kfold['mean_accuracy']:.2%} ({low:.1%}-{high:.1%})"

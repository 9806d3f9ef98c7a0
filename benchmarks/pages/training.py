"""Write the tables and figures of docs/training.md from the kept results.

    python -m benchmarks.pages.training RUN…    # keep these finished runs' results first
    python -m benchmarks.pages.training         # only draw again

A run is kept under its folder's name in benchmarks/results/training/. The page shows no
photo: curves and confusion matrices only.
"""

import re
from pathlib import Path
from typing import Any

import click

from train.results.report import draw_confusion, draw_curves
from train.runs.folder import HISTORY, METRICS, RECIPE, read_json, write_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "training"
PAGE = ROOT / "docs" / "training.md"
FIGURES = ROOT / "docs" / "figures"
TABLE = re.compile(r"(<!-- (?P<name>[a-z-]+) results -->\n).*?(?=<!-- end of results -->)", re.DOTALL)
# What the student projects published. The gems' test had 43 photos too;
# the faces were another, larger set of the same kind.
PUBLISHED = {
    "gems-baseline": {"validation": "50 %", "test": "77 %"},
    "gems-improved": {"validation": "84 %", "test": "95 % (41/43)"},
    "gender-baseline": {"validation": "85.2 %", "test": "86.6 %"},
    "gender-l2": {"validation": "88 % at its peak", "test": "not published"},
}
PUBLISHED_LOSS = {"gender-baseline": "*3.7855*", "gender-l2": "*not published*"}


def keep(run: Path) -> None:
    """Copy what a finished run measured, without any path of this machine."""
    recipe = read_json(run / RECIPE)
    options = ["--preprocessing", recipe["preprocessing"], "--seed", str(recipe["seed"])]
    options += ["--mixed-precision"] if recipe["mixed_precision"] else []
    options += ["--fine-tune", recipe["fine_tune"]["mode"]] if recipe["fine_tune"] else []
    kept = {
        "command": f"python -m train {recipe['name']} --data DIR --out RUN {' '.join(options)}",
        "recipe": recipe,
        "metrics": read_json(run / METRICS),
        "history": read_json(run / HISTORY),
    }
    write_json(RESULTS / f"{run.name}.json", kept)


def to_table(results: dict[str, dict[str, Any]], task: str) -> str:
    """Return a task's published and measured figures side by side."""
    results = {name: result for name, result in results.items() if result["recipe"]["task"] == task}
    lines = [
        "| recipe | pixels | parameters | validation | test | test, 95 % interval | ECE, test | 5x5 grouped k-fold |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for recipe, published in PUBLISHED.items():
        if not recipe.startswith(task):
            continue
        lines.append(
            f"| *{recipe}, as published* | *not published* | "
            f"| *{published['validation']}* | *{published['test']}* | | | |"
        )
        lines += [_row(result) for result in results.values() if result["recipe"]["name"] == recipe]
    lines += [_row(result) for result in results.values() if result["recipe"]["name"] not in PUBLISHED]
    baseline = next(r for r in results.values() if r["recipe"]["name"] == task)["metrics"]["logistic_regression"]
    lines.append(
        f"| logistic regression on pooled features | caffe | | {_share(baseline['validation'])} "
        f"| {_share(baseline['test'])} | | | {_kfold(baseline['kfold'])} |"
    )
    return "\n".join(lines) + "\n"


def to_loss_table(results: dict[str, dict[str, Any]]) -> str:
    """Return the last epoch of the recipes whose published validation photos were not scaled."""
    lines = [
        "| recipe | published val_loss | val_loss, val_acc as published | val_loss, val_acc with the photos scaled |",
        "|---|---|---|---|",
    ]
    for result in results.values():
        history, name = result["history"], result["recipe"]["name"]
        if "rescaled_val_loss" in history:
            cells = [
                f"{history[f'{prefix}loss'][-1]:.3f}, {history[f'{prefix}accuracy'][-1]:.1%}"
                for prefix in ("val_", "rescaled_val_")
            ]
            lines.append(f"| {name} | {PUBLISHED_LOSS[name]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def to_crop_table(measured: dict[str, Any]) -> str:
    """Return what each way to cut a face out is worth."""
    lines = ["| crop | margin | 5-fold | portraits from elsewhere | their log loss |", "|---|---|---|---|---|"]
    for row in measured["rules"]:
        kind = "upright square by the landmarks" if row["upright"] else "the detector's box"
        elsewhere = f"{row['right'] / row['portraits']:.1%} ({row['right']}/{row['portraits']})"
        lines.append(f"| {kind} | {row['margin']:g} | {row['kfold']:.2%} | {elsewhere} | {row['log_loss']:.3f} |")
    return "\n".join(lines) + "\n"


def _row(result: dict[str, Any]) -> str:
    metrics = result["metrics"]
    low, high = metrics["test"]["accuracy_95"]
    cells = [
        f"**{metrics['recipe']}**",
        metrics["preprocessing"],
        f"{metrics['parameters']:,}",
        _share(metrics["validation"]),
        _share(metrics["test"]),
        f"{low:.0%}-{high:.0%}",
        f"{metrics['test']['ece']:.3f}",
        _kfold(metrics["kfold"]) if metrics["kfold"] else "not run",
    ]
    return f"| {' | '.join(cells)} |"


def _share(part: dict[str, Any]) -> str:
    return f"{part['right'] / part['photos']:.1%} ({part['right']}/{part['photos']})"


def _kfold(kfold: dict[str, Any]) -> str:
    low, high = kfold["mean_accuracy_95"]
    return f"{kfold['mean_accuracy']:.2%} ({low:.1%}-{high:.1%})"


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(runs: tuple[Path, ...]) -> None:
    """Keep the results of finished RUNS, then write tables and figures of docs/training.md."""
    for run in runs:
        keep(run)
    results = {path.stem: read_json(path) for path in sorted(RESULTS.glob("*.json"))}
    tables = {task: to_table(results, task) for task in ("gems", "gender")}
    tables |= {"loss": to_loss_table(results), "crop": to_crop_table(read_json(RESULTS.parent / "crop_rule.json"))}
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda match: match[1] + tables[match["name"]], page), encoding="utf-8")
    FIGURES.mkdir(parents=True, exist_ok=True)
    for name, result in results.items():
        metrics = result["metrics"]
        draw_curves(result["history"], name).savefig(FIGURES / f"{name}-curves.png", dpi=70)
        for part in ("validation", "test"):
            draw_confusion(metrics[part], metrics["labels"], part).savefig(FIGURES / f"{name}-{part}.png", dpi=55)


if __name__ == "__main__":
    main()

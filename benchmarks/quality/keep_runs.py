"""Keep what finished runs measured as results of this repository.

    python -m benchmarks.quality.keep_runs runs/gems runs/gender
    python -m benchmarks.pages                  # write the tables and figures

A run is kept under its folder's name in benchmarks/results/training/.
"""

import shlex
from pathlib import Path
from typing import Any

import click

from train.console import run as run_command
from train.files import read_json, write_json
from train.runs.folder import DATA, HISTORY, METRICS, RECIPE
from train.runs.slim_folder import SETTINGS

RESULTS = Path(__file__).parents[1] / "results" / "training"


def keep(run: Path) -> None:
    """Copy what a finished run measured, without any path of this machine but patterns of unlabelled pictures."""
    recipe = read_json(run / RECIPE)
    kept = {
        "command": _slim_command(run, recipe) if recipe["widths"] else _train_command(run, recipe),
        "recipe": recipe,
        "metrics": read_json(run / METRICS),
        "history": read_json(run / HISTORY),
    }
    write_json(RESULTS / f"{run.name}.json", kept)


def _train_command(run: Path, recipe: dict[str, Any]) -> str:
    photos = read_json(run / DATA)
    options = [f"--{name} {Path(path).name}" for name in ("more", "others") for path in photos.get(name, ())]
    options += ["--preprocessing", recipe["preprocessing"], "--seed", str(recipe["seed"])]
    options += ["--mixed-precision"] if recipe["mixed_precision"] else []
    options += ["--fine-tune", recipe["fine_tune"]["mode"]] if recipe["fine_tune"] else []
    return f"python -m train {recipe['name']} --data DIR --out RUN {' '.join(options)}"


def _slim_command(run: Path, recipe: dict[str, Any]) -> str:
    settings = read_json(run / SETTINGS)
    goal = settings["goal"] if isinstance(settings["goal"], dict) else {"max_drop": settings["goal"]}
    given = {name: value for name, value in goal.items() if value is not None} | {
        name: settings[name] for name in ("views", "epochs")
    }
    options = [f"--{name.replace('_', '-')} {value:g}" for name, value in given.items()]
    options += [f"--unlabelled {shlex.quote(pattern)}" for pattern in read_json(run / DATA).get("unlabelled", [])]
    options += [f"--{name.replace('_', '-')}" for name in ("wide_views", "mixed_precision") if settings[name]]
    return f"python -m train slim {recipe['name']} --out RUN {' '.join(options)}"


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(runs: tuple[Path, ...]) -> None:
    """Keep the results of finished RUNS."""
    for run in runs:
        keep(run)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.quality.keep_runs", interrupted="Interrupted.")

"""Keep what finished runs measured as results of this repository.

    python -m benchmarks.quality.keep_runs runs/gems runs/gender
    python -m benchmarks.pages                  # write the tables and figures

A run is kept under its folder's name in benchmarks/results/training/.
"""

from pathlib import Path

import click

from train.console import run as run_command
from train.files import read_json, write_json
from train.runs.folder import DATA, HISTORY, METRICS, RECIPE

RESULTS = Path(__file__).parents[1] / "results" / "training"


def keep(run: Path) -> None:
    """Copy what a finished run measured, without any path of this machine."""
    recipe, photos = read_json(run / RECIPE), read_json(run / DATA)
    options = [f"--{name} {Path(path).name}" for name in ("more", "others") for path in photos.get(name, ())]
    options += ["--preprocessing", recipe["preprocessing"], "--seed", str(recipe["seed"])]
    options += ["--mixed-precision"] if recipe["mixed_precision"] else []
    options += ["--fine-tune", recipe["fine_tune"]["mode"]] if recipe["fine_tune"] else []
    kept = {
        "command": f"python -m train {recipe['name']} --data DIR --out RUN {' '.join(options)}",
        "recipe": recipe,
        "metrics": read_json(run / METRICS),
        "history": read_json(run / HISTORY),
    }
    write_json(RESULTS / f"{run.name}.json", kept)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(runs: tuple[Path, ...]) -> None:
    """Keep the results of finished RUNS."""
    for run in runs:
        keep(run)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.quality.keep_runs", interrupted="Interrupted.")

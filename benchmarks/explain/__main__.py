r"""Measure explanations: complete, pointing at what changes the answer, on the stone, and cheap.

    python -m benchmarks.explain --model gems --model out/gems-fp32.onnx --photos gems/test \
        --elsewhere gems_wild --others not_gems/things --json EXPLAIN.json
    python -m benchmarks.pages                                   # write its table into the docs

Parts that are not measured again keep their figures in the JSON.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.explain.completeness import completeness
from benchmarks.explain.cost import live, times
from benchmarks.explain.curves import curves
from benchmarks.explain.scenes import scenes
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from edge_infer import Classifier
from edge_infer.pictures.finding.folders import find_images
from train.console import run as run_command
from train.files import read_json, write_json

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PARTS = ("completeness", "curves", "scenes", "times", "live")


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    default=["gems"],
    show_default=True,
    help="Bundled name or file; more are only added up. The first is measured in every way.",
)
@click.option("--photos", "photos_in", type=FOLDER, required=True, help="Class folders of the model's own test photos.")
@click.option("--elsewhere", type=FOLDER, help="Class folders of photos from elsewhere.")
@click.option("--others", type=FOLDER, help="Photos of other things: backgrounds of the scenes.")
@click.option(
    "--every", type=click.IntRange(min=1), default=1, show_default=True, help="Take every Nth photo from elsewhere."
)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Measure this; default: all.")
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True, help="Rounds that are timed.")
@click.option("--seconds", type=float, default=10.0, show_default=True, help="Seconds of each live feed.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The result.")
def main(
    models: tuple[str, ...],
    photos_in: Path,
    elsewhere: Path | None,
    others: Path | None,
    every: int,
    parts: tuple[str, ...],
    rounds: int,
    seconds: float,
    json_path: Path,
) -> None:
    """Measure the explanations of a model."""
    photos = _photos(photos_in)
    wild = [] if elsewhere is None else _photos(elsewhere)[::every]
    backgrounds = [] if others is None else _photos(others)
    once = partial(Classifier, second_look="never")
    classifier = once(models[0])
    measures: dict[str, Callable[[], Any]] = {
        "completeness": lambda: {_named(one): completeness(one, photos) for one in map(once, models)},
        "curves": lambda: {
            name: curves(classifier, chosen) for name, chosen in (("test", photos), ("elsewhere", wild)) if chosen
        },
        "scenes": lambda: scenes(classifier, photos, backgrounds) if backgrounds else None,
        "times": lambda: times(models[0], photos[:: max(1, len(photos) // 10)], rounds),
        "live": lambda: live(models[0], seconds),
    }
    result = read_json(json_path, "parts") if json_path.exists() else {"parts": {}}
    for part in parts or PARTS:
        started = time.perf_counter()
        figures = measures[part]()
        if figures is None:
            continue
        result["parts"][part] = {
            "command": typed_command(),
            "machine": machine(),
            "model": f"{classifier.metadata.name} {classifier.metadata.version} {classifier.metadata.precision}",
            "seconds": round(time.perf_counter() - started, 1),
            "figures": figures,
        }
        write_json(json_path, result)
        click.echo(f"{part}: {figures}")


def _named(classifier: Classifier) -> str:
    return f"{classifier.metadata.name} {classifier.metadata.precision}"


def _photos(folder: Path) -> list[Path]:
    if photos := find_images(folder, recursive=True):
        return [Path(path) for path in photos]
    raise click.UsageError(f"{folder} holds no photos")


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.explain", interrupted="Interrupted; what is measured is kept.")

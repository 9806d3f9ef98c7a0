"""`python -m train`: audit, split, a command a recipe, slim, and import."""

import time
from pathlib import Path

import click

from edge_infer.cli.number_range import NumberRange
from train.console import run as run_command
from train.imports.options import Told, told_options
from train.options import (
    LARGEST_SPEEDUP,
    PATH,
    cache_option,
    first_stride_option,
    image_size_option,
    mixed_precision_option,
    moved_data_option,
    moved_test_option,
    unlabelled_option,
)
from train.progress import say
from train.quiet import start_tensorflow
from train.recipe_commands import SEED, recipe_command
from train.recipes import RECIPES


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Train a VGG16 transfer model on a folder of labelled photos.

    DIR holds one sub-folder a class; or train, test and, if wanted, validation folders with such
    sub-folders.
    """


@cli.command()
@click.argument("data", metavar="DIR", type=PATH)
@click.option("--test", metavar="DIR", type=PATH, help="A test folder apart from it.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def audit(data: Path, test: Path | None, as_json: bool) -> None:
    """Find duplicates, unreadable photos and imbalance in DIR."""
    import json

    from train.data.audit import audit as look_over
    from train.data.audit import describe
    from train.data.dataset import Dataset

    result = look_over(Dataset(data, test))
    click.echo(json.dumps(result.to_record(), indent=1, ensure_ascii=False) if as_json else describe(result))


@cli.command()
@click.argument("source", metavar="SRC", type=PATH)
@click.argument("destination", metavar="DST", type=PATH)
@click.option(
    "--ratios",
    type=(float, float, float),
    default=(78, 12, 10),
    show_default=True,
    metavar="TRAIN VALIDATION TEST",
    help="Percent of the photos.",
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="Another seed, another split.")
def split(source: Path, destination: Path, ratios: tuple[float, float, float], seed: int) -> None:
    """Copy SRC to DST/train, DST/validation and DST/test, duplicates kept together."""
    from train.data.dataset import Dataset
    from train.data.splits import Ratios, copy_split, make_split
    from train.errors import DataError

    shares = Ratios(*ratios)
    if destination.resolve().is_relative_to(source.resolve()):
        raise DataError(
            f"{destination} lies inside {source}, where it would pass for a class: choose a place elsewhere"
        )
    dataset = Dataset(source)
    made = make_split(dataset.photos, dataset.groups, shares, seed=seed)
    for note in dataset.notes:
        say(f"Note: {note}")
    counts = copy_split(dataset.photos, made, destination)
    click.echo(f"{destination}: " + ", ".join(f"{count} {part}" for part, count in counts.items()))


@cli.command()
@click.argument("run", metavar="RUN", type=PATH)
@click.option("--out", metavar="RUN2", type=PATH, required=True, help="Run folder to write.")
@click.option("--speedup", type=NumberRange(1, LARGEST_SPEEDUP), help="Divide the multiply-accumulates by this.")
@click.option(
    "--width",
    type=NumberRange(0, 1, min_open=True),
    help="Keep this share of every layer's channels, rounded to 16s.",
)
@click.option(
    "--max-drop",
    type=NumberRange(0, 1),
    help="Try speed-ups from 24 down to 2; take the first that loses no more k-fold accuracy.  [default: 0.01]",
)
@unlabelled_option
@click.option("--views", type=click.IntRange(1), default=4, show_default=True, help="Augmented views of each picture.")
@click.option("--epochs", type=click.IntRange(1), default=8, show_default=True, help="Passes over all views.")
@click.option("--wide-views", is_flag=True, help="Change the views further than training does.")
@image_size_option
@first_stride_option
@moved_data_option
@moved_test_option
@click.option("--resume", is_flag=True, help="Finish an interrupted run.")
@cache_option
@mixed_precision_option
def slim(
    run: Path,
    out: Path,
    speedup: float | None,
    width: float | None,
    max_drop: float | None,
    unlabelled: tuple[str, ...],
    views: int,
    epochs: int,
    wide_views: bool,
    image_size: int | None,
    first_stride: int,
    data: Path | None,
    test: Path | None,
    resume: bool,
    cache: Path | None,
    mixed_precision: bool,
) -> None:
    """Make the network of a finished RUN a fraction of its size.

    Channels that its photos can do without are taken away, the rest is solved anew and then taught
    by the original, without labels; then heads are fitted on it, as on any network. The head of an
    imported RUN is taught with the rest, and its --max-drop is judged on the validation photos.
    """
    for option, given in (("--image-size", image_size is not None), ("--first-stride", first_stride > 1)):
        if given and speedup is None and width is None:
            raise click.UsageError(f"{option} goes with --speedup or --width")
    if sum(goal is not None for goal in (speedup, width, max_drop)) > 1:
        raise click.UsageError("give one of --speedup, --width and --max-drop")
    started = time.monotonic()
    say("Loading TensorFlow")
    start_tensorflow()
    from edge_infer.cache import default_cache
    from train.imports.finished import ImportedRun, load_any_run
    from train.imports.slimming import slim_imported
    from train.runs.slim_folder import SlimFolder
    from train.slim.distillation import Distillation
    from train.slim.goal import Goal
    from train.slim.pipeline import slim as slim_run

    goal: Goal | float = 0.01 if max_drop is None else max_drop
    if speedup is not None or width is not None:
        goal = Goal(speedup, width, image_size, first_stride)
    original, slimmed = load_any_run(run), SlimFolder(out)
    dataset = original.folder.dataset(data, test, unlabelled)
    settings = Distillation(views, epochs, wide_views=wide_views)
    if isinstance(original, ImportedRun):
        metrics = slim_imported(
            original, dataset, slimmed, goal, settings=settings, resume=resume, mixed_precision=mixed_precision
        )
    else:
        metrics = slim_run(
            original,
            dataset,
            slimmed,
            goal,
            settings=settings,
            resume=resume,
            mixed_precision=mixed_precision,
            cache=cache or default_cache(),
        )
    click.echo(slimmed.report())
    say(
        f"{out} is finished after {time.monotonic() - started:.0f} s: {metrics['slim']['speedup']:.1f} times fewer "
        f"multiply-accumulates; next: python -m export {out} --out DIR"
    )


@cli.command("import")
@click.argument("model", metavar="MODEL", type=PATH)
@click.option("--photos", metavar="DIR", type=PATH, required=True, help="Labelled photos of its classes.")
@click.option("--test", metavar="DIR", type=PATH, help="Labelled photos that it was not trained on.")
@click.option("--out", metavar="RUN", type=PATH, required=True, help="Run folder to write.")
@told_options
def import_(model: Path, photos: Path, test: Path | None, out: Path, told: Told) -> None:
    """Make a run of somebody's Keras MODEL, which is read as data: nothing in it is run.

    What the file does not say, how pixels were scaled and which output is which class, is measured
    on the photos.
    """
    started = time.monotonic()
    say("Loading TensorFlow")
    start_tensorflow()
    from train.data.dataset import Dataset
    from train.imports.record import Reading
    from train.imports.run import import_run
    from train.imports.ways import Known
    from train.runs.folder import RunFolder

    run = RunFolder(out)
    import_run(
        model,
        Dataset(photos, test),
        run,
        reading=Reading(told.output, told.size, told.leave_out),
        known=Known(told.scaling, told.channels, told.resize, told.interpolation),
        architecture=told.architecture,
        labels=told.labels,
    )
    click.echo(run.report())
    say(f"{out} is finished after {time.monotonic() - started:.0f} s; next: python -m export {out} --out DIR")


for _recipe in RECIPES.values():
    cli.add_command(recipe_command(_recipe))


def main() -> None:
    """Run the command line; every expected error is one line on stderr."""
    run_command(
        cli,
        "python -m train",
        interrupted="Interrupted; give the command again, with --resume if it has that: training keeps what is done.",
    )


if __name__ == "__main__":
    main()

"""The commands that make a model file in one step: from labelled photos, or from somebody's Keras file."""

import time
from pathlib import Path
from typing import get_args

import click
from click.core import ParameterSource

from edge_infer.cli.number_range import NumberRange
from edge_infer.model_file.metadata import Precision
from export.results.report_table import to_table
from train.imports.options import Told, told_options
from train.options import (
    LARGEST_SPEEDUP,
    PATH,
    base_weights_option,
    cache_option,
    first_stride_option,
    image_size_option,
    mixed_precision_where_fast_option,
    more_option,
    moved_data_option,
    moved_test_option,
    others_option,
    unlabelled_option,
)
from train.progress import say
from train.quiet import start_tensorflow

max_drop_option = click.option(
    "--max-drop",
    type=NumberRange(0, 1),
    default=0.02,
    show_default=True,
    help="Share of the held-out photos that int8 may lose; a file that loses more is not written.",
)

DEFAULT_SPEEDUP = 24.0
for_latency_option = click.option(
    "--for-latency",
    metavar="MS",
    type=NumberRange(0, 10_000, min_open=True),
    help="Find the speed-up: the least at which this machine answers in so many milliseconds on one thread.",
)


@click.command("from-photos")
@click.argument("photos", metavar="DIR", type=PATH)
@click.option("--out", metavar="FILE", type=PATH, required=True, help="Model file to write, such as my.onnx.")
@click.option("--work", metavar="DIR", type=PATH, help="Folder for the runs; default: FILE without suffix, -work.")
@click.option(
    "--speedup",
    type=NumberRange(1, LARGEST_SPEEDUP),
    help=f"Divide VGG16's multiply-accumulates by this.  [default: {DEFAULT_SPEEDUP:g}]",
)
@for_latency_option
@more_option
@others_option
@unlabelled_option
@base_weights_option
@cache_option
@mixed_precision_where_fast_option
def from_photos(
    photos: Path,
    out: Path,
    work: Path | None,
    speedup: float | None,
    for_latency: float | None,
    more: tuple[Path, ...],
    others: tuple[Path, ...],
    unlabelled: tuple[str, ...],
    base_weights: str | None,
    cache: Path | None,
    mixed_precision: bool | None,
) -> None:
    """Make a finished slim int8 model of the class folders in DIR.

    Looks the photos over, trains, slims and exports. An interrupted run is continued by the same
    command.
    """
    _check_suffix(out)
    if speedup is not None and for_latency is not None:
        raise click.UsageError("give one of --speedup and --for-latency")
    started = time.monotonic()
    say("Loading TensorFlow")
    start_tensorflow()
    from edge_infer.cache import default_cache
    from export.from_photos import from_photos as make
    from train.networks.vgg16 import resolve_weights

    report = make(
        photos,
        out,
        work or out.with_name(f"{out.stem}-work"),
        unlabelled=unlabelled,
        more=more,
        others=others,
        weights=resolve_weights(base_weights),
        cache=cache or default_cache(),
        mixed_precision=mixed_precision,
        speedup=speedup or DEFAULT_SPEEDUP,
        latency_ms=for_latency,
    )
    click.echo(to_table([report]))
    right = report["right"]
    click.echo(f"in k-fold:  {right['slim']:.1%} right, full network {right['full']:.1%}")
    if (elsewhere := report["right_elsewhere"]) is not None:
        click.echo(f"elsewhere:  {elsewhere['slim']:.1%} right, full network {elsewhere['full']:.1%}")
    say(f"{out} is written after {time.monotonic() - started:.0f} s; next: edge-infer classify --model {out} PHOTO")


@click.command("speedup")
@click.argument("run", metavar="RUN", type=PATH)
@click.option(
    "--for-latency",
    metavar="MS",
    type=NumberRange(0, 10_000, min_open=True),
    required=True,
    help="Milliseconds in which this machine is to answer.",
)
@click.option(
    "--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="CPU threads of one answer."
)
@image_size_option
@first_stride_option
@moved_data_option
@moved_test_option
@cache_option
def speedup(
    run: Path,
    for_latency: float,
    threads: int,
    image_size: int | None,
    first_stride: int,
    data: Path | None,
    test: Path | None,
    cache: Path | None,
) -> None:
    """Find out how slim the network of RUN must be to answer in time on this machine.

    Networks of the widths that `python -m train slim` would choose are quantized and timed; nothing is trained.
    """
    say("Loading TensorFlow")
    start_tensorflow()
    from edge_infer.cache import default_cache
    from export.for_latency import speedup_for
    from train.runs.finished import load_run
    from train.slim.goal import Goal

    original = load_run(run)
    size = Goal(image_size=image_size, first_stride=first_stride)
    dataset = original.folder.dataset(data, test)
    found = speedup_for(for_latency, original, dataset, size, threads=threads, cache=cache or default_cache())
    options = [f"--speedup {found.speedup:g}"]
    options += [] if image_size is None else [f"--image-size {image_size}"]
    options += [] if first_stride == 1 else [f"--first-stride {first_stride}"]
    click.echo(f"{found.ms:.2f} ms on {threads} thread(s) with a speed-up of {found.speedup:g}")
    say(f"next: python -m train slim {run} --out RUN2 {' '.join(options)}")


@click.command("from-keras")
@click.argument("model", metavar="MODEL", type=PATH)
@click.option("--photos", metavar="DIR", type=PATH, help="Labelled photos, by which what the file omits is measured.")
@click.option("--test", metavar="DIR", type=PATH, help="Labelled photos that it was not trained on.")
@click.option("--out", metavar="FILE", type=PATH, required=True, help="Model file to write, such as my.onnx.")
@click.option("--work", metavar="DIR", type=PATH, help="Keep the run in this new folder; a slim one in DIR-slim.")
@click.option(
    "--speedup", type=NumberRange(1, LARGEST_SPEEDUP), help="Slim it: divide multiply-accumulates and weights by this."
)
@click.option(
    "--width", type=NumberRange(0, 1, min_open=True), help="Slim it: keep this share of every layer's channels."
)
@click.option(
    "--mixed-precision/--no-mixed-precision",
    default=None,
    help="Slim in bfloat16; default: on CPUs with AMX.",
)
@click.option(
    "--precision", type=click.Choice(get_args(Precision)), default="int8", show_default=True, help="What to write."
)
@max_drop_option
@told_options
def from_keras(
    model: Path,
    photos: Path | None,
    test: Path | None,
    out: Path,
    work: Path | None,
    speedup: float | None,
    width: float | None,
    mixed_precision: bool | None,
    precision: Precision,
    max_drop: float,
    told: Told,
) -> None:
    """Make a checked model file of somebody's Keras MODEL.

    MODEL is a .keras or .h5 file. It is read as data: nothing in it is run.
    """
    _check_suffix(out)
    if not model.exists():
        raise click.UsageError(f"{model} does not exist")
    if photos is None and (told.labels is None or told.scaling is None):
        raise click.UsageError("give --photos, or --labels and --preprocessing: the file says neither")
    if photos is None and precision != "fp32":
        raise click.UsageError("give --photos, on which int8 is calibrated, or --precision fp32")
    if speedup is not None and width is not None:
        raise click.UsageError("give one of --speedup and --width")
    if photos is None and (speedup is not None or width is not None):
        raise click.UsageError("give --photos, from which a slim network learns")
    if mixed_precision is not None and speedup is None and width is None:
        raise click.UsageError("give --speedup or --width: only slimming computes in another precision")
    if photos is None and (test is not None or work is not None):
        raise click.UsageError("give --photos too: without them nothing is measured, and --test and --work say nothing")
    source = click.get_current_context().get_parameter_source("max_drop")
    if precision != "int8" and source is ParameterSource.COMMANDLINE:
        raise click.UsageError("--max-drop is what int8 may lose: leave it out with --precision fp32")
    started = time.monotonic()
    say("Loading TensorFlow")
    start_tensorflow()
    from export.from_keras import from_keras as make
    from export.from_keras import from_keras_and_photos as make_with_photos
    from train.slim.goal import Goal

    if photos is None:
        report = make(model, told, out)
        parity = report["parity"]
        click.echo(
            f"file:    {report['file']}, {report['bytes'] / 1e6:.2f} MB, {report['input']} pixels\n"
            f"ends in: {report['ending']}\n"
            f"Keras:   differs by {parity['max_difference']:.0e}, same on {parity['same_top1']}/{parity['pictures']} "
            "drawn pictures"
        )
    else:
        page, report = make_with_photos(
            model,
            told,
            out,
            photos=photos,
            test=test,
            work=work,
            goal=None if speedup is None and width is None else Goal(speedup, width),
            mixed_precision=mixed_precision,
            precision=precision,
            max_drop=max_drop,
        )
        click.echo(page)
        click.echo(to_table([report]))
    say(f"{out} is written after {time.monotonic() - started:.0f} s; next: edge-infer classify --model {out} PHOTO")


def _check_suffix(out: Path) -> None:
    if out.suffix != ".onnx":
        raise click.BadParameter(f"{out} should end in .onnx", param_hint="'--out'")

"""`python -m export RUN --out DIR`: a finished run to a checked ONNX file; and what goes with it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from edge_infer.cli.number_range import NumberRange
from edge_infer.model_file.metadata import Precision
from edge_infer.runtime.cpus import available_cpus
from export.columns import side_by_side
from train.console import run as run_command
from train.imports.options import Told, told_options
from train.progress import say
from train.quiet import start_tensorflow

FOLDER = click.Path(path_type=Path)
DEFAULT_COMMAND = "run"
max_drop_option = click.option(
    "--max-drop",
    type=NumberRange(0, 1),
    default=0.02,
    show_default=True,
    help="Share of the held-out photos that int8 may lose; a file that loses more is not written.",
)


class _RunByDefault(click.Group):
    """A group whose first word may also be a run folder."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        if arguments and arguments[0] not in self.commands and arguments[0] not in context.help_option_names:
            arguments = [DEFAULT_COMMAND, *arguments]
        return super().parse_args(context, arguments)


@click.group(
    cls=_RunByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="RUN --out DIR | COMMAND [ARGS]...",
)
def cli() -> None:
    """Export a finished training run as one self-contained ONNX file.

    `python -m export RUN --out DIR` is short for `python -m export run RUN --out DIR`.
    """


@cli.command()
@click.argument("run", metavar="RUN", type=FOLDER)
@click.option("--out", metavar="DIR", type=FOLDER, required=True, help="Folder for the model file and its report.")
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(get_args(Precision)),
    multiple=True,
    default=("fp32",),
    show_default=True,
    help="What to write; may be repeated.",
)
@max_drop_option
@click.option("--name", help="Name of the model; default: the recipe's, or for custom the run folder's.")
@click.option("--data", metavar="DIR", type=FOLDER, help="The run's photos, if they have moved.")
@click.option("--test", metavar="DIR", type=FOLDER, help="The run's separate test photos, if they have moved.")
def run(
    run: Path,
    out: Path,
    precisions: tuple[Precision, ...],
    max_drop: float,
    name: str | None,
    data: Path | None,
    test: Path | None,
) -> None:
    """Export a finished training run.

    An fp32 file that does not answer as the network it comes from on every photo of the run is not
    written, nor is int8 that loses more than --max-drop.
    """
    say("Loading TensorFlow")
    start_tensorflow()
    from export.pipeline import export
    from train.imports.run import load_any_run

    finished = load_any_run(run)
    photos = finished.folder.dataset(data, test)
    exported = export(finished, photos, out, tuple(dict.fromkeys(precisions)), name=name, max_drop=max_drop)
    click.echo(to_table([file.report for file in exported]))
    say(f"{exported[-1].path} is written; next: edge-infer classify --model {exported[-1].path} PHOTO")


@cli.command("from-photos")
@click.argument("photos", metavar="DIR", type=FOLDER)
@click.option("--out", metavar="FILE", type=FOLDER, required=True, help="Model file to write, such as my.onnx.")
@click.option("--work", metavar="DIR", type=FOLDER, help="Folder for the runs; default: FILE without suffix, -work.")
@click.option(
    "--speedup",
    type=NumberRange(1, 64),
    default=24.0,
    show_default=True,
    help="Divide VGG16's multiply-accumulates by this.",
)
@click.option(
    "--unlabelled",
    metavar="PATH",
    multiple=True,
    help="More pictures to learn from: a folder, a glob pattern or @list.txt; may be repeated.",
)
@click.option("--base-weights", metavar="FILE", help="VGG16 weights (.weights.h5), or imagenet to download them.")
@click.option("--cache", metavar="DIR", type=FOLDER, help="Feature cache; default: the user's cache folder.")
@click.option("--mixed-precision", is_flag=True, help="Compute in bfloat16: faster on CPUs that have it.")
def from_photos(
    photos: Path,
    out: Path,
    work: Path | None,
    speedup: float,
    unlabelled: tuple[str, ...],
    base_weights: str | None,
    cache: Path | None,
    mixed_precision: bool,
) -> None:
    """Make a finished slim int8 model of the class folders in DIR.

    Looks the photos over, trains, slims and exports. An interrupted run is continued by the same
    command.
    """
    _check_suffix(out)
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
        weights=resolve_weights(base_weights),
        cache=cache or default_cache(),
        mixed_precision=mixed_precision,
        speedup=speedup,
    )
    click.echo(to_table([report]))
    right = report["right"]
    click.echo(f"in k-fold:  {right['slim']:.1%} right, full network {right['full']:.1%}")
    say(f"{out} is written after {time.monotonic() - started:.0f} s; next: edge-infer classify --model {out} PHOTO")


@cli.command("from-keras")
@click.argument("model", metavar="MODEL", type=FOLDER)
@click.option("--photos", metavar="DIR", type=FOLDER, help="Labelled photos, by which what the file omits is measured.")
@click.option("--test", metavar="DIR", type=FOLDER, help="Labelled photos that it was not trained on.")
@click.option("--out", metavar="FILE", type=FOLDER, required=True, help="Model file to write, such as my.onnx.")
@click.option("--work", metavar="DIR", type=FOLDER, help="Keep the run, and the slim one, in this new folder.")
@click.option("--speedup", type=NumberRange(1, 64), help="Slim it: divide multiply-accumulates and weights by this.")
@click.option(
    "--width", type=NumberRange(0, 1, min_open=True), help="Slim it: keep this share of every layer's channels."
)
@click.option("--mixed-precision", is_flag=True, help="Slim in bfloat16: faster on CPUs that have it.")
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
    mixed_precision: bool,
    precision: Precision,
    max_drop: float,
    told: Told,
) -> None:
    """Make a checked model file of somebody's Keras MODEL.

    MODEL is a .keras or .h5 file. It is read as data: nothing in it is run.
    """
    _check_suffix(out)
    if photos is None and (told.labels is None or told.scaling is None):
        raise click.UsageError("give --photos, or --labels and --preprocessing: the file says neither")
    if photos is None and precision != "fp32":
        raise click.UsageError("give --photos, on which int8 is calibrated, or --precision fp32")
    if speedup is not None and width is not None:
        raise click.UsageError("give one of --speedup and --width")
    if photos is None and (speedup is not None or width is not None):
        raise click.UsageError("give --photos, from which a slim network learns")
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


@cli.command("face-detector")
@click.option("--faces", metavar="DIR", type=FOLDER, required=True, help="Tight face crops.")
@click.option("--backgrounds", metavar="DIR", type=FOLDER, required=True, help="Pictures without faces.")
@click.option("--out", metavar="DIR", type=FOLDER, required=True, help="Folder for the model file and its report.")
def face_detector(faces: Path, backgrounds: Path, out: Path) -> None:
    """Fetch CenterFace and make the int8 face detector of it.

    It is calibrated and measured on scenes composed of the given pictures.
    """
    start_tensorflow()
    from export.faces.detector import export_face_detector

    exported = export_face_detector(faces, backgrounds, out)
    report = exported.report
    click.echo(
        f"file:       {report['file']}, {report['bytes'] / 1e6:.2f} MB\n"
        f"scenes:     {report['found']} of {report['faces']} faces found (fp32: {report['found_by_fp32']}), "
        f"{report['false_faces']} false ones in {report['scenes']} scenes\n"
        f"fp32:       {report['agreement_with_fp32']:.1%} of its boxes are found"
    )
    say(f"{exported.path} is written; next: python -m export bundle {exported.path}")


@cli.command()
@click.argument("model", metavar="MODEL")
@click.argument("repository", metavar="REPOSITORY", type=FOLDER)
@click.option(
    "--instances",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Pictures or batches answered side by side, on a core each; default: this machine's cores.",
)
def triton(model: str, repository: Path, instances: int | None) -> None:
    """Write MODEL into a model REPOSITORY for Triton or KServe.

    MODEL is a bundled name or a model file.
    """
    from export.triton import write_repository

    folder, file = write_repository(model, repository, instances=instances or available_cpus())
    if file.metadata.weight_bits == 8:
        say("Note: its int8 weights have 8 bits: run it on CPUs with VNNI only, Triton cannot ask for exact sums")
    say(f"{folder} is written; next: tritonserver --model-repository {repository}, then examples/triton_client.py")


@cli.command()
@click.argument("files", metavar="FILE...", type=FOLDER, nargs=-1, required=True)
def bundle(files: tuple[Path, ...]) -> None:
    """Put finished model files into the edge_infer package."""
    from export.bundle import bundle as bundle_files

    click.echo(f"bundled: {', '.join(bundle_files(files))}")


def _check_suffix(out: Path) -> None:
    if out.suffix != ".onnx":
        raise click.BadParameter(f"{out} should end in .onnx", param_hint="'--out'")


def to_table(reports: Sequence[dict[str, Any]]) -> str:
    """Return what was measured of each file as text, the files side by side."""
    return side_by_side([_to_column(report) for report in reports])


def _to_column(report: dict[str, Any]) -> dict[str, str]:
    test = report["accuracy"]["test"]
    low, high = test["accuracy_95"]
    same = report["agreement_with_fp32"]
    column = {
        "file": report["file"],
        "size": f"{report['bytes'] / 1e6:.2f} MB",
        "test": f"{test['right']}/{test['photos']} right ({low:.1%}-{high:.1%})",
        "as fp32": f"{same['count']}/{same['of']} photos",
        **{f"{threads} thread{'s' * (threads != '1')}": f"{ms:.1f} ms" for threads, ms in report["latency_ms"].items()},
    }
    if parity := report.get("parity"):
        column["Keras"] = (
            f"differs by {parity['max_difference']:.0e}, same on {parity['same_top1']}/{parity['pictures']}"
        )
    if "layer_errors" in report:
        column["in float"] = ", ".join(report["layers_kept_in_float"]) or "no layer"
    return column


def main() -> None:
    """Run the command line; every expected error is one line on stderr."""
    run_command(
        cli,
        "python -m export",
        interrupted="Interrupted; no unfinished model was written. The same command of from-photos goes on.",
    )


if __name__ == "__main__":
    main()

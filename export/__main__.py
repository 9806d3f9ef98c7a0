"""`python -m export RUN --out DIR`: a finished run to a checked ONNX file; and what goes with it."""

from pathlib import Path
from typing import get_args

import click

from edge_infer.cli.number_range import NumberRange
from edge_infer.model_file.metadata import LEAST_MIDDLE, Precision
from edge_infer.runtime.cpus import available_cpus
from export.one_step_commands import from_keras, from_photos, max_drop_option, speedup
from export.results.report_table import to_table
from train.console import run as run_command
from train.options import PATH, moved_data_option, moved_test_option
from train.progress import say
from train.quiet import start_tensorflow

DEFAULT_COMMAND = "run"


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
@click.argument("run", metavar="RUN", type=PATH)
@click.option("--out", metavar="DIR", type=PATH, required=True, help="Folder for the model file and its report.")
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
@click.option(
    "--second-look",
    type=NumberRange(LEAST_MIDDLE, 1.0),
    metavar="SHARE",
    help="Let the file ask for a look at the middle too, this share of each side, where the first is not sure.",
)
@moved_data_option
@moved_test_option
def run(
    run: Path,
    out: Path,
    precisions: tuple[Precision, ...],
    max_drop: float,
    name: str | None,
    second_look: float | None,
    data: Path | None,
    test: Path | None,
) -> None:
    """Export a finished training run.

    An fp32 file that does not answer as the network it comes from on every photo of the run (of an
    imported network, on those held out) is not written, nor is int8 that loses more than --max-drop.
    """
    say("Loading TensorFlow")
    start_tensorflow()
    from export.pipeline import export
    from train.imports.finished import load_any_run

    finished = load_any_run(run)
    photos = finished.folder.dataset(data, test)
    exported = export(
        finished,
        photos,
        out,
        precisions=tuple(dict.fromkeys(precisions)),
        name=name,
        max_drop=max_drop,
        second_look=second_look,
    )
    click.echo(to_table([file.report for file in exported]))
    say(f"{exported[-1].path} is written; next: edge-infer classify --model {exported[-1].path} PHOTO")


for command in (from_photos, from_keras, speedup):
    cli.add_command(command)


@cli.command("face-detector")
@click.option("--faces", metavar="DIR", type=PATH, required=True, help="Tight face crops.")
@click.option("--backgrounds", metavar="DIR", type=PATH, required=True, help="Pictures without faces.")
@click.option("--out", metavar="DIR", type=PATH, required=True, help="Folder for the model file and its report.")
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
@click.argument("repository", metavar="REPOSITORY", type=PATH)
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
@click.argument("files", metavar="FILE...", type=PATH, nargs=-1, required=True)
def bundle(files: tuple[Path, ...]) -> None:
    """Put finished model files into the edge_infer package."""
    from export.bundle import bundle as bundle_files

    click.echo(f"bundled: {', '.join(bundle_files(files))}")


def main() -> None:
    """Run the command line; every expected error is one line on stderr."""
    run_command(
        cli,
        "python -m export",
        interrupted="Interrupted; no unfinished model was written. Repeat a command of from-photos to go on.",
    )


if __name__ == "__main__":
    main()

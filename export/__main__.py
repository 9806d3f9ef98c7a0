"""`python -m export RUN --out DIR`: a finished run to a checked ONNX file; and what goes with it."""

from pathlib import Path
from typing import Any

import click

from train.command_line import run as run_command
from train.progress import say
from train.quiet import start_tensorflow

FOLDER = click.Path(path_type=Path)
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
@click.argument("run", metavar="RUN", type=FOLDER)
@click.option("--out", metavar="DIR", type=FOLDER, required=True, help="Folder for the model file and its report.")
@click.option("--name", help="Name of the model; default: the recipe's, or for custom the run folder's.")
@click.option("--data", metavar="DIR", type=FOLDER, help="The run's photos, if they have moved.")
@click.option("--test", metavar="DIR", type=FOLDER, help="The run's separate test photos, if they have moved.")
def run(run: Path, out: Path, name: str | None, data: Path | None, test: Path | None) -> None:
    """Export a finished training run.

    The file is checked against the network it comes from on every photo of the run; one that does
    not answer the same is not written.
    """
    say("Loading TensorFlow")
    start_tensorflow()
    from export.pipeline import export

    exported = export(run, out, name=name, data=data, test=test)
    click.echo(to_table(exported.report))
    say(f"{exported.path} is written; next: edge-infer classify --model {exported.path} PHOTO")


@cli.command("face-detector")
@click.option("--faces", metavar="DIR", type=FOLDER, required=True, help="Tight face crops.")
@click.option("--backgrounds", metavar="DIR", type=FOLDER, required=True, help="Pictures without faces.")
@click.option("--out", metavar="DIR", type=FOLDER, required=True, help="Folder for the model file and its report.")
def face_detector(faces: Path, backgrounds: Path, out: Path) -> None:
    """Fetch CenterFace and make the int8 face detector of it.

    It is calibrated and measured on scenes composed of the given pictures.
    """
    start_tensorflow()
    from export.face_detector import export_face_detector

    path, report = export_face_detector(faces, backgrounds, out)
    click.echo(
        f"file:       {report['file']}, {report['bytes'] / 1e6:.2f} MB\n"
        f"scenes:     {report['found']} of {report['faces']} faces found (fp32: {report['found_by_fp32']}), "
        f"{report['false_faces']} false ones in {report['scenes']} scenes\n"
        f"fp32:       {report['agreement_with_fp32']:.1%} of its boxes are found"
    )
    say(f"{path} is written; next: python -m export bundle {path}")


@cli.command()
@click.argument("files", metavar="FILE...", type=FOLDER, nargs=-1, required=True)
def bundle(files: tuple[Path, ...]) -> None:
    """Put finished model files into the edge_infer package."""
    from export.bundle import bundle as bundle_files

    click.echo(f"bundled: {', '.join(bundle_files(files))}")


def to_table(report: dict[str, Any]) -> str:
    """Return what was measured as text."""
    test, parity = report["accuracy"]["test"], report["parity"]
    low, high = test["accuracy_95"]
    latency = ", ".join(f"{ms:.1f} ms on {threads} threads" for threads, ms in report["latency_ms"].items())
    operators = ", ".join(f"{count} {name}" for name, count in report["operators"].items())
    return "\n".join(
        [
            f"file:       {report['file']}, {report['bytes'] / 1e6:.2f} MB",
            f"test:       {test['right']}/{test['photos']} right (95 % interval {low:.1%}-{high:.1%})",
            f"Keras:      largest difference {parity['max_difference']:.1e}, same answer on "
            f"{parity['same_top1']}/{parity['pictures']} pictures",
            f"latency:    {latency} (median, batch 1)",
            f"operators:  {operators}",
        ]
    )


def main() -> None:
    """Run the command line; every expected error is one line on stderr."""
    run_command(
        cli,
        "python -m export",
        interrupted="Interrupted; nothing was written.",
    )


if __name__ == "__main__":
    main()

"""`python -m export RUN --out DIR`: a finished run to a checked ONNX file."""

from pathlib import Path
from typing import Any

import click

from train.command_line import run as run_command
from train.progress import say
from train.quiet import start_tensorflow

FOLDER = click.Path(path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("run", metavar="RUN", type=FOLDER)
@click.option("--out", metavar="DIR", type=FOLDER, required=True, help="Folder for the model file and its report.")
@click.option("--name", help="Name of the model; default: the recipe's, or for custom the run folder's.")
@click.option("--data", metavar="DIR", type=FOLDER, help="The run's photos, if they have moved.")
@click.option("--test", metavar="DIR", type=FOLDER, help="The run's separate test photos, if they have moved.")
def cli(run: Path, out: Path, name: str | None, data: Path | None, test: Path | None) -> None:
    """Export a finished training run as one self-contained ONNX file.

    The file is checked against the network it comes from on every photo of the run; one that does
    not answer the same is not written.
    """
    say("Loading TensorFlow")
    start_tensorflow()
    from export.pipeline import export

    exported = export(run, out, name=name, data=data, test=test)
    click.echo(to_table(exported.report))
    say(f"{exported.path} is written; next: edge-infer classify --model {exported.path} PHOTO")


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

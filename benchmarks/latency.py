"""Measure how fast models answer here: both bundled ones, in under three minutes on two cores.

    python benchmarks/latency.py

Prints a table, and writes out/latency.json and out/latency.png. Works with what the wheel needs;
the picture also needs matplotlib. What this machine does not give is null, and named with its reason.
"""

import sys
from pathlib import Path
from typing import Any

import click

# Run as a file, Python looks for modules beside it; `benchmarks` and `train` lie one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.delivery import delivered, print_text
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import NotMeasuredError, machine
from benchmarks.harness.model_identity import named
from benchmarks.harness.plan import FULL, QUICK
from benchmarks.speed.latency_plot import PLOT_SUFFIXES, plot
from benchmarks.speed.latency_table import changes_text, latency_text
from benchmarks.speed.model_latency import Choice, doubling_up_to, measure_latency
from benchmarks.speed.verdicts import changes_since, read_baseline
from edge_infer.__main__ import silence_libraries
from edge_infer.cli.number_range import NumberRange
from edge_infer.runtime.cpus import available_cpus
from train.console import run as run_command
from train.errors import RunFolderError
from train.files import write_json

TASKS = ("gems", "gender")
FILE = click.Path(dir_okay=False, path_type=Path)
EXIT_INCOMPLETE_OR_WORSE = 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A few runs of everything: shows that it works, not how fast it is.")
@click.option("--model", "files", metavar="FILE", multiple=True, help="Model file to measure; may be repeated.")
@click.option("--task", "tasks", multiple=True, help="Bundled model to measure; may be repeated. Default: both.")
@click.option("--threads", type=click.IntRange(1, 256), help="Measure 1 to N threads; default: all usable cores.")
@click.option("--batch", type=click.IntRange(1, 256), default=16, show_default=True, help="Largest batch.")
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of photos; default: the task's own in $EDGE_INFER_DATA, or drawn ones.",
)
@click.option("--json", "json_path", type=FILE, default="out/latency.json", show_default=True, help="Result to write.")
@click.option("--plot", "plot_path", type=FILE, default="out/latency.png", show_default=True, help="Picture to write.")
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with an earlier result of this machine; exit 1 if a figure got worse by more than --threshold.",
)
@click.option("--threshold", type=NumberRange(min=0), default=0.1, show_default=True, help="Share that is allowed.")
@click.pass_context
def main(
    context: click.Context,
    quick: bool,
    files: tuple[str, ...],
    tasks: tuple[str, ...],
    threads: int | None,
    batch: int,
    photos: Path | None,
    json_path: Path,
    plot_path: Path,
    baseline: Path | None,
    threshold: float,
) -> None:
    """Measure how fast models answer on this machine."""
    if plot_path.suffix.lower() not in PLOT_SUFFIXES:
        raise click.UsageError(f"--plot {plot_path}: the name must end in {' or '.join(PLOT_SUFFIXES)}")
    described = machine()
    try:
        earlier = None if baseline is None else read_baseline(baseline, described)
    except (RunFolderError, NotMeasuredError) as error:
        raise click.UsageError(str(error)) from error
    choice = Choice(
        doubling_up_to(threads or available_cpus()), doubling_up_to(batch), photos, QUICK if quick else FULL
    )
    models = [*files, *tasks] or TASKS
    result: dict[str, Any] = {
        "command": typed_command(),
        "machine": described,
        "models": {name: measure_latency(model, choice) for name, model in named(models).items()},
    }
    outcomes = [
        delivered("the table cannot be printed", lambda: print_text(latency_text(result))),
        delivered(f"{json_path} cannot be written", lambda: write_json(json_path, result)),
        delivered(f"{plot_path} is not drawn", lambda: plot(result, plot_path)),
        *(model["file"] is not None for model in result["models"].values()),
    ]
    if earlier is not None:
        changes = changes_since(result["models"], earlier)
        outcomes += [
            delivered("the comparison cannot be printed", lambda: print_text(changes_text(changes, threshold))),
            bool(changes) and all(change.loss <= threshold for change in changes),
        ]
    context.exit(0 if all(outcomes) else EXIT_INCOMPLETE_OR_WORSE)


if __name__ == "__main__":
    silence_libraries()  # onnxruntime complains of a /proc that it cannot read, in every process
    run_command(main, "python benchmarks/latency.py", interrupted="Interrupted; nothing was written.")

"""Measure how fast models answer here: both bundled ones, in under three minutes on two cores.

    python benchmarks/latency.py

Prints a table, and writes out/latency.json and out/latency.png. Works with what the wheel needs;
the picture also needs matplotlib. What this machine does not give is null, and named with its reason.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

# Run as a file, Python looks for modules beside it; `benchmarks` and `train` lie one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.columns import side_by_side
from benchmarks.harness.machine import NotMeasuredError, machine, reason
from benchmarks.harness.plan import FULL, QUICK
from benchmarks.speed.latency_plot import plot
from benchmarks.speed.latency_table import figure_row, machine_rows, model_rows
from benchmarks.speed.model_latency import Choice, measure_model
from benchmarks.speed.verdicts import Change, check_same_machine, compare, ratios
from edge_infer.__main__ import silence_libraries
from edge_infer.cli.number_range import NumberRange
from edge_infer.runtime.cpus import available_cpus
from train.console import run as run_command
from train.errors import RunFolderError
from train.files import read_json, write_json
from train.progress import say

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
    described = machine()
    earlier = None if baseline is None else _read_baseline(baseline, described)
    choice = Choice(_up_to(threads or available_cpus()), _up_to(batch), photos, QUICK if quick else FULL)
    models = [*files, *tasks] or TASKS
    result = {
        "command": " ".join(["python benchmarks/latency.py", *(["--quick"] if quick else [])]),
        "machine": described,
        "models": {Path(model).stem: measure_model(model, choice) for model in models},
    }
    outcomes = [
        _attempt("the table cannot be printed", lambda: _print(to_text(result))),
        _attempt(f"{json_path} cannot be written", lambda: write_json(json_path, result)),
        _attempt(f"{plot_path} is not drawn", lambda: plot(result, plot_path)),
        *(model["file"] is not None for model in result["models"].values()),
    ]
    if earlier is not None:
        changes = compare(result["models"], earlier)
        outcomes += [
            _attempt("the comparison cannot be printed", lambda: _print(to_changes(changes, threshold))),
            bool(changes) and all(change.loss <= threshold for change in changes),
        ]
    context.exit(0 if all(outcomes) else EXIT_INCOMPLETE_OR_WORSE)


def _read_baseline(path: Path, here: dict[str, Any]) -> dict[str, Any]:
    """Return the models of an earlier result of this machine."""
    try:
        earlier = read_json(path, "machine", "models")
        check_same_machine(here, earlier["machine"])
    except (RunFolderError, NotMeasuredError) as error:
        raise click.UsageError(str(error)) from error
    return earlier["models"]


def to_text(result: dict[str, Any]) -> str:
    """Return the machine, the models side by side, and the ratios that must hold."""
    models = [{"model": name, **model_rows(model)} for name, model in result["models"].items()]
    judged = [figure_row(figure) for figure in ratios(result["models"])]
    must_hold = {name: f"{value:<14}{bound:<28}{holds}".rstrip() for name, value, bound, holds in judged}
    return "\n\n".join(side_by_side(rows) for rows in ([machine_rows(result["machine"])], models, [must_hold]))


def to_changes(changes: Sequence[Change], threshold: float) -> str:
    """Return what has changed since the baseline."""
    if not changes:
        return "The baseline has no figure in common with this result."
    rows = {}
    for change in changes:
        verdict = "  WORSE" if change.loss > threshold else ""
        rows[change.name] = f"{change.before:.4g} -> {change.now:.4g} ({change.now / change.before - 1:+.1%}){verdict}"
    largest = max((abs(change.now / change.before - 1) for change in changes if "/" in change.name), default=0)
    return f"{side_by_side([rows])}\nlargest change of a ratio: {largest:.1%}"


def _up_to(largest: int) -> tuple[int, ...]:
    """Return 1, 2, 4 … and the largest number itself."""
    return tuple(sorted({largest, *(1 << bits for bits in range(largest.bit_length()))}))


def _attempt(what: str, deliver: Callable[[], None]) -> bool:
    """Deliver one form of the result; that it fails must not lose the others."""
    try:
        deliver()
    except (OSError, NotMeasuredError) as error:
        say(f"Error: {what}: {reason(error)}")
        return False
    return True


def _print(text: str) -> None:
    try:
        click.echo(text)
        sys.stdout.flush()
    except OSError:
        # Or Python reports the same error once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


if __name__ == "__main__":
    silence_libraries()  # onnxruntime complains of a /proc that it cannot read, in every process
    run_command(main, "python benchmarks/latency.py", interrupted="Interrupted; nothing was written.")

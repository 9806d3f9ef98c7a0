"""How fast is one network on what a user would pick: Keras, TFLite, OpenVINO, ncnn, onnxruntime, and slim with us?

    python benchmarks/compare.py runs/gems --slim runs/gems-slim --files out --json OUT.json

Everything is run in turn, each in a process of its own, and first shows that it computes the same
network: how far its probabilities for test photos are from those of Keras. What is not installed is
left out and named; `pip install ".[compare]"` brings all but ncnn's converter (`pip install --no-deps pnnx`).
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

# Run as a file, Python looks for modules beside it; `benchmarks` and `train` lie one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# Every worker imports this module: what brings TensorFlow along is imported in `main`.
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.runtimes.compare_table import comparison_text
from edge_infer.__main__ import silence_libraries
from edge_infer.runtime.cpus import available_cpus
from train.console import run as run_command
from train.files import write_json
from train.quiet import start_tensorflow

FOLDER = click.Path(path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", type=FOLDER)
@click.option("--slim", "slim_run", required=True, type=FOLDER, help="The run that was slimmed from RUN.")
@click.option("--files", required=True, type=FOLDER, help="Folder of the four files that both were exported to.")
@click.option("--data", type=FOLDER, help="The run's photos, if they are not where they were.")
@click.option(
    "--threads", "counts", multiple=True, type=click.IntRange(1, 256), help="May be repeated; default: 1 and 2."
)
@click.option("--quick", is_flag=True, help="A few runs of everything: shows that it works, not how fast it is.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(
    run: Path,
    slim_run: Path,
    files: Path,
    data: Path | None,
    counts: tuple[int, ...],
    quick: bool,
    json_path: Path | None,
) -> None:
    """Compare runtimes on the network of RUN, a finished run, and on the slim one."""
    described = machine()
    start_tensorflow()
    from benchmarks.harness.pictures import spread
    from benchmarks.runtimes.comparison import PLAN, QUICK_PLAN, measure_runtimes
    from train.runs.finished import load_run
    from train.views.features import load_batch

    plan = QUICK_PLAN if quick else PLAN
    threads = sorted(set(counts or (1, min(2, available_cpus()))))
    full, slim = load_run(run), load_run(slim_run)
    if slim.recipe.widths is None or slim.recipe.name != full.recipe.name:
        raise click.UsageError(f"{slim_run} was not slimmed from {run}")
    test = full.data(full.folder.dataset(data)).part_photos("test")
    photos = spread(test, plan.photos)
    pictures = {"full": load_batch(photos, full.recipe), "slim": load_batch(photos, slim.recipe)}
    with TemporaryDirectory() as scratch:
        measured = measure_runtimes(full, slim, files, pictures, threads, plan, Path(scratch))
    result = {
        "command": typed_command(),
        "machine": described,
        "default_threads": available_cpus(),
        "threads": threads,
        "image_size": full.recipe.image_size,
        **measured,
    }
    click.echo(comparison_text(result))
    if json_path is not None:
        write_json(json_path, result)


if __name__ == "__main__":
    silence_libraries()  # TensorFlow's and onnxruntime's lines about this machine, also in the workers
    run_command(main, "python benchmarks/compare.py", interrupted="Interrupted; nothing was written.")

"""How fast is EfficientNet-Lite0 beside the full network and the bundled one?

    python -m benchmarks.rival.speed --files out/rival --json OUT.json

`--files` is what `python -m benchmarks.rival.accuracy` wrote. Every file runs bare in onnxruntime, with the settings of
this package, in a process of its own, in turn. The guard against overflow on CPUs without VNNI is on only where weights
have 8 bits: without it those answers are wrong there, and with it weights of 7 bits would be slowed down for nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.contenders import batch_of
from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine
from benchmarks.harness.model_identity import identify
from benchmarks.harness.plan import FULL, QUICK, Plan
from benchmarks.harness.samples import ratio_of_medians, summarize_ms
from benchmarks.harness.workers import Contender, Round, WarmUp, cpu_ms_a_run, in_turn, seconds_of, started
from benchmarks.rival.row_names import BUNDLED, FILES, FULL_FILE, FULL_NETWORK, rival_row
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import open_model
from train.console import run as run_command
from train.files import write_json

FOLDER = click.Path(path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
THREADS = (1, 2)
# The full network takes long; a round is short so that there are enough of them.
IN_A_ROW, RUNS = 5, 150
PLAN = replace(FULL, warm_up=WarmUp(runs=5, seconds=2.0), budget_s=600.0)
QUICK_PLAN = replace(QUICK, warm_up=WarmUp(runs=1, seconds=0.0), rounds=3, runs=2)


@click.command()
@click.option("--files", type=FOLDER, required=True, help="The model files.")
@click.option("--quick", is_flag=True, help="A few runs of everything: shows that it works, not how fast it is.")
@click.option(
    "--in-a-row",
    type=click.IntRange(1, RUNS),
    default=IN_A_ROW,
    show_default=True,
    help="Answers of one network before the next one's turn. After the pause between, a second thread wakes late.",
)
@click.option("--json", "json_path", type=FILE, required=True, help="Write the figures here.")
def main(files: Path, quick: bool, in_a_row: int, json_path: Path) -> None:
    """Time the rival's files, the full network and the bundled one, on one thread and on two."""
    described = machine()
    models = {FULL_NETWORK: str(files / FULL_FILE), BUNDLED: "gems"}
    models |= {rival_row(variant): str(files / name) for variant, name in FILES.items()}
    opened = {name: open_model(model, ClassifierMetadata) for name, model in models.items()}
    rounds = measure(models, QUICK_PLAN if quick else replace(PLAN, rounds=-(-RUNS // in_a_row), runs=in_a_row))
    rows = {
        name: {**identify(file), "guarded": file.metadata.weight_bits == 8, "threads": timings(name, rounds)}
        for name, file in opened.items()
    }
    write_json(json_path, {"command": typed_command(), "machine": described, "rows": rows})
    for name, row in rows.items():
        times = ", ".join(f"{count}: {row['threads'][str(count)]['ms']['p50']:.1f} ms" for count in THREADS)
        click.echo(f"{name}: threads {times}")


def measure(models: Mapping[str, str], plan: Plan) -> dict[tuple[str, int], list[Round]]:
    """Measure every model with every number of threads, in turn.

    Args:
        models: Files, or names of bundled models, by what the result calls them.
        plan: How often.

    Raises:
        NotMeasuredError: A model fails.
    """
    contenders = {
        f"{name}|{threads}": partial(contender, model, threads) for name, model in models.items() for threads in THREADS
    }
    with started(contenders, plan.warm_up) as workers:
        measured = in_turn(workers, rounds=plan.rounds, runs=plan.runs, budget_s=plan.budget_s)
    return {(name, threads): measured[f"{name}|{threads}"] for name in models for threads in THREADS}


def contender(model: str, threads: int) -> Contender:
    """Return a bare `session.run` with this package's settings, which guard weights of 8 bits."""
    import onnxruntime as ort

    from edge_infer.runtime.session import CPU_PROVIDER, INPUT_NAME, session_options

    file = open_model(model, ClassifierMetadata)
    options = session_options(file.metadata.weight_bits, threads=threads)
    session = ort.InferenceSession(file.data, options, providers=[CPU_PROVIDER])
    inputs = {INPUT_NAME: batch_of(file.metadata.input, 1)}
    return lambda: session.run(None, inputs)


def timings(name: str, rounds: Mapping[tuple[str, int], list[Round]]) -> dict[str, Any]:
    """Return a model's times by threads, and how many times as fast the others are: above 1 is faster."""
    result: dict[str, Any] = {}
    for threads in THREADS:
        mine = rounds[name, threads]
        others = {other for other, count in rounds if count == threads and other != name}
        result[str(threads)] = {
            "ms": summarize_ms(seconds_of(mine)),
            "least_ms": round(min(min(one.seconds) for one in mine) * 1e3, 3),
            "cpu_ms": cpu_ms_a_run(mine),
            "times": {
                other: ratio_of_medians(seconds_of(mine), seconds_of(rounds[other, threads]))
                for other in sorted(others)
            },
        }
    return result


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.rival.speed", interrupted="Interrupted; nothing was written.")

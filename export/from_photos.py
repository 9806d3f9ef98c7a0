"""`python -m export from-photos`: a folder of class folders in, one finished slim int8 model out.

audit -> train -> slim -> export, each as its own command does it, in a work folder in which an
interrupted run goes on.
"""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_infer.intake import MIDDLE_SHARE
from export.errors import DropError
from export.for_latency import Found, speedup_for
from export.output import both_files, check_absent, write_model
from export.pipeline import export
from train.data.audit import audit, summarize
from train.data.dataset import Dataset
from train.files import read_json, write_json
from train.networks.precision import has_fast_bfloat16
from train.pipeline import train
from train.progress import say
from train.recipes import RECIPES
from train.runs.finished import load_run
from train.runs.folder import RunFolder
from train.runs.slim_folder import SlimFolder
from train.slim.distillation import Distillation
from train.slim.goal import Goal, check_goal
from train.slim.pipeline import slim as slim_run
from train.slim.within_drop import compared

SETTINGS = Distillation(views=RECIPES["custom"].cached_views.views, epochs=6)  # the views that were trained on
# A smaller input that is read in steps of two pixels costs a small network less than narrower layers would.
IMAGE_SIZE, FIRST_STRIDE = 128, 2
# On photos that other people took, whose subject is smaller, it is worth five points, and it costs the others nothing
# (docs/export.md). It takes a quarter more time.
SECOND_LOOK = MIDDLE_SHARE


def from_photos(
    data: Path,
    out: Path,
    work: Path,
    *,
    unlabelled: tuple[str, ...],
    more: tuple[Path, ...] = (),
    others: tuple[Path, ...] = (),
    weights: str,
    cache: Path,
    mixed_precision: bool | None,
    speedup: float,
    latency_ms: float | None = None,
) -> dict[str, Any]:
    """Make a model file of labelled photos.

    Args:
        data: Labelled photos, in a layout of `train.data.photos`.
        out: The `.onnx` file to write; its report goes beside it as `.json`.
        work: Folder for the runs; one that exists is continued.
        unlabelled: More pictures to learn from, as in `edge_infer.pictures.finding.sources.expand`.
        more: Folders of labelled photos from elsewhere, as in `train.data.dataset.Dataset`.
        others: Folders of pictures of none of the classes, likewise.
        weights: Base weights, as from `resolve_weights`.
        cache: Feature cache.
        mixed_precision: As in `train.recipes.Recipe`; None for as the processor is made, or as the run began.
        speedup: Divide VGG16's multiply-accumulates by this.
        latency_ms: Find the speed-up instead: the least at which this machine answers in so many ms on one thread.

    Returns:
        The report of the file; under `right`, the shares of the photos that the full and the slim network
        answer right in k-fold, and under `right_elsewhere` of those from elsewhere, null without any.

    Raises:
        OutputExistsError: `out` exists.
        GoalError: No network is so fast.
        EdgeInferError: As the steps do.
    """
    check_absent(both_files(out), "--out")
    full = RunFolder(work / "full")
    if mixed_precision is None:
        mixed_precision = full.recipe.mixed_precision if full.path.exists() else has_fast_bfloat16()
    recipe = replace(RECIPES["custom"], mixed_precision=mixed_precision)
    goal = Goal(speedup, image_size=min(IMAGE_SIZE, recipe.image_size), first_stride=FIRST_STRIDE)
    check_goal(goal, recipe)
    dataset = Dataset(data, unlabelled=unlabelled, more=more, others=others)
    dataset.find_files()  # a wrong path is better known now than after the training
    say("1/4 Looking over the photos")
    say(f"{summarize(audit(dataset))}\n`python -m train audit {data}` names them.")
    say("2/4 Training")
    full = RunFolder.begin(full.path, recipe, resume=full.path.exists())
    metrics = train(recipe, dataset, full, weights=weights, cache=cache)
    say("3/4 Slimming")
    slim = SlimFolder(work / "slim")
    if latency_ms is not None:
        find = partial(speedup_for, latency_ms, load_run(full.path), dataset, goal, threads=1, cache=cache)
        goal = replace(goal, speedup=found_once(work / "speedup.json", latency_ms, find))
    slim_metrics = slim_run(
        load_run(full.path),
        dataset,
        slim,
        goal,
        settings=SETTINGS,
        resume=slim.path.exists(),
        mixed_precision=mixed_precision,
        cache=cache,
    )
    before, after = compared(metrics, slim_metrics)
    reached = slim_metrics["slim"]["speedup"]
    say(f"3/4 Slimmed: {reached:.1f} times less to compute, {after:.1%} right, before {before:.1%}")
    say("4/4 Exporting")
    with TemporaryDirectory(dir=work) as folder:
        try:
            (file,) = export(
                load_run(slim.path), dataset, Path(folder), ("int8",), name=out.stem, second_look=SECOND_LOOK
            )
        except DropError as error:
            again = f"python -m export {slim.path} --out DIR --precision int8 --max-drop X"
            raise DropError(f"{error}, as in `{again}`") from error
        content = file.path.read_bytes()
    report = {
        **file.report,
        "file": out.name,
        "right": {"full": before, "slim": after},
        "right_elsewhere": right_elsewhere(metrics, slim_metrics),
    }
    return write_model(out, content, report).report


def right_elsewhere(full: dict[str, Any], slim: dict[str, Any]) -> dict[str, float] | None:
    """Return the shares of photos from elsewhere that both networks answer right; None without such photos.

    Args:
        full: Metrics of the full network's run.
        slim: Of the slim one's, on the same photos.
    """
    if full["elsewhere"] is None:
        return None
    return {name: run["elsewhere"]["accuracy"] for name, run in (("full", full), ("slim", slim))}


def found_once(path: Path, latency_ms: float, find: Callable[[], Found]) -> float:
    """Return the speed-up for a time, as it was found the first time: timed again, it would be another.

    Args:
        path: Where it is kept.
        latency_ms: The time.
        find: Finds it.
    """
    if path.exists() and (kept := read_json(path, "for_latency_ms", "speedup"))["for_latency_ms"] == latency_ms:
        return float(kept["speedup"])
    found = find()
    write_json(path, {"for_latency_ms": latency_ms, **asdict(found)})
    return found.speedup

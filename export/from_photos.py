"""`python -m export from-photos`: a folder of class folders in, one finished slim int8 model out.

audit -> train -> slim -> export, each as its own command does it, in a work folder in which an
interrupted run goes on.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_infer.atomic_files import write_atomic
from export.errors import OutputExistsError
from export.pipeline import export
from train.data.audit import audit, summarize
from train.files import write_json
from train.pipeline import train
from train.progress import say
from train.recipes import RECIPES
from train.runs.folder import RunFolder
from train.slim.distillation import Distillation
from train.slim.pipeline import Goal, check_goal
from train.slim.to_goal import compared, find_pictures, slim_run

SETTINGS = Distillation(views=RECIPES["custom"].schedule.views, epochs=4)  # the views that were trained on


def from_photos(
    data: Path,
    out: Path,
    work: Path,
    *,
    unlabelled: tuple[str, ...],
    weights: str,
    cache: Path,
    mixed_precision: bool,
    speedup: float,
) -> dict[str, Any]:
    """Make a model file of labelled photos.

    Args:
        data: Labelled photos, in a layout of `train.data.photos`.
        out: The `.onnx` file to write; its report goes beside it as `.json`.
        work: Folder for the runs; one that exists is continued.
        unlabelled: More pictures to learn from, as in `edge_infer.pictures.sources.expand`.
        weights: Base weights, as from `resolve_weights`.
        cache: Feature cache.
        mixed_precision: As in `train.recipes.Recipe`.
        speedup: Divide VGG16's multiply-accumulates by this.

    Returns:
        The report of the file; under `right`, the shares of the photos that the full and the slim network
        answer right in k-fold.

    Raises:
        OutputExistsError: `out` exists.
        GoalError: No network is so fast.
        EdgeInferError: As the steps do.
    """
    for target in (out, out.with_suffix(".json")):
        if target.exists():
            raise OutputExistsError(f"{target} exists: remove it, or give another --out")
    find_pictures(unlabelled)  # a wrong path is better known now than after the training
    recipe = replace(RECIPES["custom"], mixed_precision=mixed_precision)
    check_goal(Goal(speedup=speedup), recipe)
    say("1/4 Looking over the photos")
    say(f"{summarize(audit(data))}\n`python -m train audit {data}` names them.")
    say("2/4 Training")
    full = work / "full"
    metrics = train(recipe, data, None, RunFolder(full, recipe, resume=full.exists()), weights=weights, cache=cache)
    say("3/4 Slimming")
    slim = work / "slim"
    slim_metrics = slim_run(
        full,
        slim,
        Goal(speedup=speedup),
        unlabelled=unlabelled,
        settings=SETTINGS,
        data=None,
        test=None,
        resume=slim.exists(),
        mixed_precision=mixed_precision,
        cache=cache,
    )
    before, after = compared(metrics, slim_metrics)
    reached = slim_metrics["slim"]["speedup"]
    say(f"3/4 Slimmed: {reached:.1f} times less to compute, {after:.1%} right, before {before:.1%}")
    say("4/4 Exporting")
    with TemporaryDirectory(dir=work) as folder:
        (file,) = export(slim, Path(folder), ("int8",), name=out.stem)
        content = file.path.read_bytes()
    report = {**file.report, "file": out.name, "right": {"full": before, "slim": after}}
    write_json(out.with_suffix(".json"), report)
    write_atomic(out, lambda path: path.write_bytes(content))
    return report

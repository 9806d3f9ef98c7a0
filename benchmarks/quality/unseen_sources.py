"""How right is a slim network on photos from sources that it was not even distilled from?

    python -m benchmarks.quality.unseen_sources runs/gems --slim runs/gems-slim --unlabelled 'faces/*/*7.*' \
        --work out/unseen --fold 0 --mixed-precision --json OUT.json

The folds of a slim run share one base, which has imitated its original on the pictures of all folds, without their
labels. Here a fold's photos and strangers are left out of pruning and distillation too: the base as ImageNet left it
and, of a fine-tuned original, the network of that fold teach the other pictures, and heads fitted on those answer for
the photos left out. A fold takes as long as slimming; one that the work folder holds is not distilled again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
from sklearn.metrics import log_loss

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.slimmed import slimmed_with
from edge_infer.cache import default_cache
from train.console import run as run_command
from train.data.photos import Photo
from train.data.run_data import RunData, read_run_data
from train.files import read_json, write_json
from train.fitting.crossval import FOLDS, photo_folds
from train.fitting.head import LinearHead, load_head
from train.fitting.pooled import CachedTraining, known_features, labelled, prepare, stranger_folds
from train.metrics import Floats, Ints, fit_temperature, softmax
from train.networks.vgg16 import copy_in_precision
from train.options import PATH, cache_option, mixed_precision_option, unlabelled_option
from train.progress import say
from train.quiet import start_tensorflow
from train.runs.finished import FinishedRun, load_run
from train.runs.folder import METRICS
from train.runs.slim_folder import SlimFolder
from train.slim.answers import answers
from train.slim.base import slim_base
from train.slim.distillation import Distillation
from train.slim.goal import Goal
from train.slim.original import frozen_base, is_tuned
from train.slim.pipeline import described, pictures_to_learn_from
from train.slim.teaching import Teaching, teach
from train.views.features import extract


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Answers of a slim network for photos of a fold that nothing of it has seen.

    Attributes:
        photos: Their places among the run's photos, then those from elsewhere, `[n]`.
        logits: `[n, C]`.
        known: How sure the network is that they show any class, `[n]`.
        unexplained: Share of the variance of the original's features that a linear map of the slim network's own does
            not give, of the pictures that were learned from (`seen`) and of these photos (`unseen`).
    """

    photos: Ints
    logits: Floats
    known: Floats
    unexplained: dict[str, float]


def answer_fold(
    number: int, original: FinishedRun, data: RunData, goal: Goal, settings: Distillation, out: SlimFolder, cache: Path
) -> LeftOut:
    """Slim the original without the pictures of a fold, and answer for its photos.

    Args:
        number: The fold, from 0 on.
        original: The run, in the precision to learn in.
        data: Its photos.
        goal: How slim.
        settings: How to distil.
        out: Where the slim base is kept.
        cache: Feature cache.
    """
    folds = photo_folds(data.targets, data.groups, data.elsewhere, original.recipe.seed)
    pictures = learned_from(number, folds, data, original.recipe.seed)
    frozen = frozen_base(original)
    teaching = teach(frozen, pictures, original.recipe, settings, cache)
    only = np.full(len(pictures), number)
    teaching = replace(teaching, answers=answers(original, teaching, only, cache))
    mixed = original.recipe.mixed_precision
    noted = described(original.folder.weights_path, goal, pictures, settings, mixed_precision=mixed)
    out.note_settings({**noted, "fold": number})  # whose head chose the channels; earlier, the run's own did
    photos, chosen = np.flatnonzero(folds == number), np.flatnonzero(folds != number)
    head = head_of_fold(number, chosen, original, data, frozen, cache)
    recipe, slim = slim_base(frozen, original.recipe, head, teaching, goal, out)
    exact = replace(recipe, mixed_precision=False)
    readouts = teaching.readouts(exact, slim, cache)
    training = replace(prepare(exact, data, slim, cache), readouts=readouts)
    fitted = training.fit(chosen)
    logits = fitted.logits(training.views[0, photos])
    strangers = np.flatnonzero(stranger_folds(data.strangers, original.recipe.seed) != number)
    known = training.fit_known(chosen, strangers, fitted, logits).known(training.first_view(training.features)[photos])
    return LeftOut(photos, logits, known, _unexplained(number, folds, data, training, teaching, frozen, cache))


def head_of_fold(
    number: int, chosen: Ints, original: FinishedRun, data: RunData, base: keras.Model, cache: Path
) -> LinearHead:
    """Return a head of the original that learned from no label of a fold: by it channels are chosen.

    Args:
        number: The fold, from 0 on.
        chosen: The photos outside it.
        original: The run.
        data: Its photos.
        base: Its base, without anything learned from labels.
        cache: Feature cache.
    """
    if is_tuned(original):
        return load_head(original.folder.fold_head(number))
    recipe = replace(original.recipe, fine_tune=None)
    return prepare(recipe, data, copy_in_precision(base, recipe), cache).fit(chosen)


def learned_from(number: int, folds: Ints, data: RunData, seed: int) -> list[Photo]:
    """Return the pictures to learn from, less a fold's photos and strangers."""
    strangers = stranger_folds(data.strangers, seed)
    left_out = {photo.sha256 for photo, fold in zip(labelled(data), folds, strict=True) if fold == number}
    left_out |= {
        sourced.photo.sha256 for sourced, fold in zip(data.strangers.photos, strangers, strict=True) if fold == number
    }
    return [photo for photo in pictures_to_learn_from(data) if photo.sha256 not in left_out]


def _unexplained(
    number: int,
    folds: Ints,
    data: RunData,
    training: CachedTraining,
    teaching: Teaching,
    base: keras.Model,
    cache: Path,
) -> dict[str, float]:
    """Return what a linear map of the slim network's features does not give of the original's."""
    head, photos = training.recipe.pooled_head, labelled(data)
    if training.readouts is None or training.readouts.known is None:
        raise click.ClickException("give a run whose recipe has `known`")
    wanted = extract(photos, 1, teaching.recipe, base, head.taps, cache, pooling=head.pooling)
    rows = known_features(wanted, head.taps)[0]
    read = training.readouts.known.read(training.first_view(training.features))
    lost, variance = ((read - rows) ** 2).mean(axis=1), float(rows.var(axis=0).mean())
    return {
        "seen": float(lost[folds != number].mean()) / variance,
        "unseen": float(lost[folds == number].mean()) / variance,
    }


def measure(found: Sequence[LeftOut], data: RunData, calibration: Mapping[str, float]) -> dict[str, Any]:
    """Return how right answers for unseen photos are, of the data set's own and of those from elsewhere.

    Args:
        found: The answers of folds.
        data: The run's photos.
        calibration: The slim run's: by its thresholds an answer is certain.
    """
    places, logits, known = (
        np.concatenate([getattr(fold, name) for fold in found]) for name in ("photos", "logits", "known")
    )
    targets = np.concatenate([data.targets, data.elsewhere.targets])[places]
    right = logits.argmax(axis=1) == targets
    own = places < len(data.photos)
    scores = softmax(logits / calibration["temperature"]).max(axis=1)
    certain = (scores >= calibration["min_score"]) & (known >= calibration["min_known"])
    probabilities = softmax(logits / fit_temperature(logits, targets))
    return {
        **{
            name: {
                "right": int((right & part).sum()),
                "photos": int(part.sum()),
                "certain": int((certain & part).sum()),
                "right_of_certain": int((certain & right & part).sum()),
            }
            for name, part in (("elsewhere", ~own), ("own", own))
        },
        "log_loss": float(log_loss(targets, probabilities, labels=range(logits.shape[1]))),
        "unexplained": {
            name: float(np.mean([fold.unexplained[name] for fold in found])) for name in ("seen", "unseen")
        },
    }


@click.command()
@click.argument("run", type=PATH)
@click.option("--slim", "slim_run", type=PATH, required=True, help="The run that was slimmed from it.")
@click.option("--fold", "folds", type=click.IntRange(0, FOLDS - 1), multiple=True, help="Only this fold; repeatable.")
@click.option("--views", type=click.IntRange(1), help="Views of each picture, if not the slim run's.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over all views, if not the slim run's.")
@unlabelled_option
@mixed_precision_option
@cache_option
@click.option(
    "--work", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the slim bases."
)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Result to write.")
def main(
    run: Path,
    slim_run: Path,
    folds: tuple[int, ...],
    views: int | None,
    epochs: int | None,
    unlabelled: tuple[str, ...],
    mixed_precision: bool,
    cache: Path | None,
    work: Path,
    out: Path,
) -> None:
    """Measure a slim network of RUN on sources that it was not distilled from."""
    start_tensorflow()
    original = load_run(run)
    original = replace(original, recipe=replace(original.recipe, mixed_precision=mixed_precision))
    goal, settings = slimmed_with(slim_run)
    settings = replace(settings, views=views or settings.views, epochs=epochs or settings.epochs)
    calibration = read_json(slim_run / METRICS, "calibration")["calibration"]
    dataset = original.folder.dataset(None, None, unlabelled)
    data = read_run_data(original.recipe, dataset, original.folder.split_path)
    original.folder.check_elsewhere(dataset)
    found = []
    for number in folds or range(FOLDS):
        say(f"Fold {number}")
        folder = SlimFolder(work / f"fold-{number}")
        found.append(answer_fold(number, original, data, goal, settings, folder, cache or default_cache()))
    measured = measure(found, data, calibration)
    part = "{right} of {photos} photos {of} right, of {certain} certain ones {right_of_certain}"
    say(
        part.format(of="from elsewhere", **measured["elsewhere"])
        + "; "
        + part.format(of="of the data set's own", **measured["own"])
        + ", log loss {log_loss:.3f}".format(**measured)
        + ", unexplained {seen:.3f} of seen pictures, {unseen:.3f} of unseen".format(**measured["unexplained"])
    )
    write_json(out, {"command": typed_command(), "folds": list(folds or range(FOLDS)), **measured})


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.quality.unseen_sources", interrupted="Interrupted.")

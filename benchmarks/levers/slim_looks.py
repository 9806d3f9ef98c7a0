"""What is a second look at the middle of the photo worth to a slim network, whose first look has few pixels?

    python -m benchmarks.levers.slim_looks runs/gems --slim runs/gems-slim --unlabelled 'faces/*/*7.*' \
        --mixed-precision --json OUT.json

Nothing is trained for it: the heads of the run's own folds answer for the whole photo and for its middle, and the two
answers are averaged, always or only where the first is unsure. Thresholds are the run's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import tensorflow as tf

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.slimmed import slimmed_with
from benchmarks.levers.views import View, load_view
from edge_infer.cache import default_cache
from train.console import run as run_command
from train.data.photos import Photo
from train.data.run_data import read_run_data
from train.files import write_json
from train.fitting.crossval import FOLDS, CrossValidation
from train.fitting.pooled import CachedTraining, held_out_logits, known_features, labelled, prepare, stranger_folds
from train.metrics import Floats, Ints, softmax
from train.options import PATH, cache_option, mixed_precision_option, unlabelled_option
from train.progress import say, track
from train.quiet import start_tensorflow
from train.recipes import Recipe
from train.results.elsewhere import measure_elsewhere, measure_strangers
from train.runs.finished import FinishedRun, load_run
from train.slim.answers import answering_folds, answers
from train.slim.observed import observed_features
from train.slim.original import frozen_base
from train.slim.pipeline import pictures_to_learn_from
from train.slim.teaching import teach
from train.views.features import select_views

SHARES = (0.8, 0.7, 0.6, 0.5, 0.4)  # of each side
WHOLE = 1.0
_READOUT_VIEWS = 3  # as many as slimming solves the readouts on
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Looks:
    """Held-out answers to one look.

    Attributes:
        probabilities: For the run's photos, then those from elsewhere, `[repeats, N + M, C]`.
        known: Likewise, of the first repeat, `[N + M]`.
        strange: For the strangers, of the first repeat, `[S, C]`.
        strange_known: Likewise, `[S]`.
    """

    probabilities: Floats
    known: Floats
    strange: Floats
    strange_known: Floats

    def averaged(self, other: "Looks", below: float = np.inf) -> "Looks":
        """Return the mean with another look, where the score of this one is below a threshold."""

        def mean(first: Floats, second: Floats, scores: Floats) -> Floats:
            mixed: Floats = np.where(scores < below, (first + second) / 2, first)
            return mixed

        scores, strange_scores = (values.max(axis=-1, keepdims=True) for values in (self.probabilities, self.strange))
        return Looks(
            mean(self.probabilities, other.probabilities, scores),
            mean(self.known, other.known, scores[0, :, 0]),
            mean(self.strange, other.strange, strange_scores),
            mean(self.strange_known, other.strange_known, strange_scores[:, 0]),
        )


def middle(share: float, side: int) -> View:
    """Return the view of a photo's middle, a share of each side, as a network's input."""
    margin = (1 - share) / 2
    return View(box=(margin, margin, 1 - margin, 1 - margin), side=side)


def slim_training(
    original: FinishedRun, slim: FinishedRun, unlabelled: Sequence[str], cache: Path, *, mixed_precision: bool
) -> CachedTraining:
    """Return what the heads of a slim run were fitted with.

    Args:
        original: The run that was slimmed.
        slim: The slim run.
        unlabelled: As it was slimmed with.
        cache: Feature cache.
        mixed_precision: Likewise.
    """
    recipe = replace(original.recipe, mixed_precision=mixed_precision)
    dataset = original.folder.dataset(None, None, tuple(unlabelled))
    data = read_run_data(recipe, dataset, original.folder.split_path)
    original.folder.check_elsewhere(dataset)
    _, settings = slimmed_with(slim.path)
    settings = replace(settings, views=min(_READOUT_VIEWS, settings.views))
    pictures = pictures_to_learn_from(data)
    teaching = teach(frozen_base(original), pictures, recipe, settings, cache)
    by = answering_folds(data, teaching, recipe.seed)
    teaching = replace(teaching, answers=answers(original, teaching, by, cache))
    exact, base = replace(slim.recipe, mixed_precision=False), slim.network.get_layer("vgg16")
    readouts = teaching.readouts(exact, base, cache)
    return replace(prepare(exact, data, base, cache), readouts=readouts)


def answer(training: CachedTraining, shares: Sequence[float], temperature: float) -> dict[float, Looks]:
    """Let the heads of each fold answer for every look at what they have not seen.

    Args:
        training: Of the slim run.
        shares: Of each side, besides the whole photo.
        temperature: The run's, which divides the logits.
    """
    data, taps = training.data, training.recipe.pooled_head.taps
    if training.strangers is None:
        raise click.ClickException("give a run that was trained with --others")
    photos = labelled(data)
    strangers = [sourced.photo for sourced in data.strangers.photos]
    network = observed_features(training.base, training.recipe)
    read = tf.function(lambda pixels: network(pixels, training=False))
    whole = [known_features(select_views(of, 1), taps)[0] for of in (training.features, training.strangers)]
    seen = {WHOLE: whole} | {
        share: [_features(read, of, share, training.recipe) for of in (photos, strangers)] for share in shares
    }
    count = training.views.shape[2]
    folds: list[tuple[Ints, Ints]] = []
    logits: dict[float, list[Floats]] = {share: [] for share in seen}

    def fit(chosen: Ints, held_out: Ints) -> Floats:
        head = training.fit(chosen)
        folds.append((chosen, held_out))
        for share, (of_photos, _) in seen.items():
            logits[share].append(head.logits(of_photos[held_out, :count]))
        return logits[WHOLE][-1]

    crossval = training.fold(fit)
    probabilities: dict[float, Floats] = {
        share: np.zeros((len(folds) // FOLDS, len(photos), len(data.labels))) for share in seen
    }
    for number, (_, held_out) in enumerate(folds):
        for share in seen:
            probabilities[share][number // FOLDS, held_out] = softmax(logits[share][number] / temperature)
    return _with_known(training, seen, probabilities, folds[:FOLDS], crossval, temperature)


def _with_known(
    training: CachedTraining,
    seen: dict[float, list[Floats]],
    probabilities: dict[float, Floats],
    folds: Sequence[tuple[Ints, Ints]],
    crossval: CrossValidation,
    temperature: float,
) -> dict[float, Looks]:
    data, count = training.data, training.views.shape[2]
    numbers = stranger_folds(data.strangers, training.recipe.seed)
    looks = {
        share: Looks(found, np.zeros(found.shape[1]), np.zeros((len(numbers), found.shape[2])), np.zeros(len(numbers)))
        for share, found in probabilities.items()
    }
    for number, (chosen, held_out) in track(list(enumerate(folds)), "Fitting what is known"):
        head, unseen = training.fit(chosen), np.flatnonzero(numbers == number)
        known = training.fit_known(chosen, np.flatnonzero(numbers != number), head, held_out_logits(crossval, data))
        for share, (of_photos, of_strangers) in seen.items():
            looks[share].known[held_out] = known.known(of_photos[held_out])
            looks[share].strange[unseen] = softmax(head.logits(of_strangers[unseen, :count]) / temperature)
            looks[share].strange_known[unseen] = known.known(of_strangers[unseen])
    return looks


def _features(read: Any, photos: Sequence[Photo], share: float, recipe: Recipe) -> Floats:  # noqa: ANN401
    view = middle(share, recipe.image_size)
    batches = [photos[start : start + _BATCH] for start in range(0, len(photos), _BATCH)]
    found = [
        read(tf.constant(np.stack([load_view(photo, view) for photo in batch]), tf.float32)).numpy()
        for batch in track(batches, f"Looking at {share:.0%}")
    ]
    return np.concatenate(found)


def measure(looks: Looks, training: CachedTraining, calibration: dict[str, float]) -> dict[str, Any]:
    """Return how right and how certain looks are, at a run's thresholds."""
    data, own = training.data, len(training.data.photos)
    certain = (looks.probabilities[0].max(axis=-1) >= calibration["min_score"]) & (
        looks.known >= calibration["min_known"]
    )
    strange = (looks.strange.max(axis=-1) >= calibration["min_score"]) & (
        looks.strange_known >= calibration["min_known"]
    )
    right = looks.probabilities[:, :own].argmax(axis=-1) == data.targets
    not_test = data.not_test
    return {
        "elsewhere": measure_elsewhere(
            looks.probabilities[:, own:], certain[np.newaxis, own:], data.elsewhere, data.labels
        ),
        "own": float(right[:, not_test].mean()),
        "own_kept": float(certain[not_test][right[0, not_test]].mean()),
        "strangers": measure_strangers(strange, data.strangers),
    }


@click.command()
@click.argument("run", type=PATH)
@click.option("--slim", "slim_run", type=PATH, required=True, help="The run that was slimmed from it.")
@unlabelled_option
@mixed_precision_option
@cache_option
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Result to write.")
def main(
    run: Path, slim_run: Path, unlabelled: tuple[str, ...], mixed_precision: bool, cache: Path | None, out: Path
) -> None:
    """Measure second looks on the slim network of RUN, with the options that it was slimmed with."""
    start_tensorflow()
    slim = load_run(slim_run)
    training = slim_training(load_run(run), slim, unlabelled, cache or default_cache(), mixed_precision=mixed_precision)
    calibration = slim.metrics["calibration"]
    looks = answer(training, SHARES, calibration["temperature"])
    first = looks[WHOLE]
    ways = {"whole photo": first}
    for share in SHARES:
        ways[f"middle {share:g} alone"] = looks[share]
        ways[f"whole and middle {share:g}"] = first.averaged(looks[share])
        ways[f"whole and middle {share:g} where unsure"] = first.averaged(looks[share], calibration["min_score"])
    rows = {}
    for name, way in ways.items():
        rows[name] = measure(way, training, calibration)
        say(f"{name}: {rows[name]['elsewhere']['accuracy']:.1%} of photos from elsewhere right")
    unsure = float((first.probabilities[0, len(training.data.photos) :].max(axis=-1) < calibration["min_score"]).mean())
    write_json(out, {"command": typed_command(), "calibration": calibration, "unsure": unsure, "rows": rows})


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.levers.slim_looks", interrupted="Interrupted.")

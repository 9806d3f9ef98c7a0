"""How many answers are certain, and of which photos, when a second head says whether a picture shows any class.

The recommended recipe: `known` is one less the probability of "none of these" in a softmax of one class more, learned
from strangers, times the familiarity of the scene. An answer is certain if its score and `known` each reach a
threshold.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from benchmarks.levers.features import FrozenFeatures
from benchmarks.levers.folds import clustered_interval
from benchmarks.levers.measure import Lever, Measurement
from benchmarks.levers.views import View, random_views
from benchmarks.levers.weights import stranger_weights
from benchmarks.levers.yardstick import ASKED, Mask, Yardstick
from train.fitting.crossval import FOLDS
from train.fitting.head import familiarity, fit_rows
from train.metrics import Floats, Ints, softmax
from train.progress import track

SCORE = 0.75
OWN_KEPT = 0.909  # of the right answers for the set's own held-out photos
# What a stranger counts; all together count as much as all labelled photos. Parts not named here count 1.
PART_WEIGHTS = {"gems_other": 1.0, "other_stones": 3.0, "things": 32.0}
_KNOWN_INVERSE_L2 = 0.01
_STRANGER_VIEWS = random_views(2)


@dataclass(frozen=True, slots=True)
class Answers:
    """Held-out answers: `probabilities` `[repeats, N, C]` and `known` `[repeats, N]`."""

    probabilities: Floats
    known: Floats


def answer(lever: Lever, yardstick: Yardstick, folds: Ints, features: FrozenFeatures) -> Answers:
    """Let each fold's label head and known head answer the photos that neither has seen.

    Args:
        lever: Decides the label head. The known head reads its pooling and the mean, joined.
        yardstick: The photos, with strangers.
        folds: From `joint_folds`.
        features: Computes what the heads read.
    """

    def inputs(view: View, pooling: str, of: Mask) -> Floats:
        found = features.pooled([yardstick.photos[i] for i in np.flatnonzero(of)], view, pooling, lever.blocks)
        spread = np.zeros((len(of), found.shape[1]), np.float32)
        spread[of] = found
        return spread

    def joined(view: View, of: Mask) -> Floats:
        return np.concatenate([inputs(view, lever.pooling, of), inputs(view, "mean", of)], axis=1)

    everything = np.ones(len(yardstick.photos), bool)
    whole = joined(_STRANGER_VIEWS[0], everything)
    labelled = {view: joined(view, yardstick.labelled) for view in lever.train}
    strange = {view: joined(view, yardstick.strangers) for view in _STRANGER_VIEWS}
    measurement, none = Measurement(lever, yardstick, features), len(yardstick.labels)
    label_inputs, scenes = np.split(whole, 2, axis=1)
    probabilities, known = np.zeros((*folds.shape, none)), np.zeros(folds.shape)
    for repeat, fold in track([(r, f) for r in range(len(folds)) for f in range(FOLDS)], "known"):
        seen = (folds[repeat] != fold) & (yardstick.parts != ASKED)
        chosen, others = np.flatnonzero(seen & yardstick.labelled), np.flatnonzero(seen & yardstick.strangers)
        rest = np.flatnonzero(folds[repeat] == fold)
        probabilities[repeat, rest] = softmax(measurement.fit(chosen).logits(label_inputs[rest]))
        weights = np.tile(lever.weighting.of(yardstick, chosen), len(labelled))
        of_strangers = stranger_weights(yardstick.parts[others], PART_WEIGHTS, weights.sum() / len(strange))
        head = fit_rows(
            np.concatenate([x[chosen] for x in labelled.values()] + [x[others] for x in strange.values()]),
            np.concatenate(
                [np.tile(yardstick.targets[chosen], len(labelled)), np.full(len(others) * len(strange), none)]
            ),
            np.concatenate([weights, np.tile(of_strangers, len(strange))]),
            _KNOWN_INVERSE_L2,
        )
        direction, bias = familiarity(scenes[chosen])
        familiar = expit(scenes[rest] @ direction + bias)
        known[repeat, rest] = (1 - softmax(head.logits(whole[rest]))[:, none]) * familiar
    return Answers(probabilities, known)


def known_threshold(answers: Answers, yardstick: Yardstick) -> float:
    """Return the largest threshold of `known` that, with `SCORE`, keeps `OWN_KEPT` of the own right answers.

    Without enough of them above `SCORE`, 0: then the score alone decides.
    """
    right = (answers.probabilities.argmax(axis=-1) == yardstick.targets) & yardstick.own
    kept = np.sort(answers.known[right & (answers.probabilities.max(axis=-1) >= SCORE)])
    needed = int(np.ceil(OWN_KEPT * right.sum()))
    return float(kept[len(kept) - needed]) if 0 < needed <= len(kept) else 0.0


def certainty(answers: Answers, yardstick: Yardstick) -> dict[str, object]:
    """Return what is certain at the thresholds, as shares 0-1, with intervals by source, by class and by kind."""
    threshold = known_threshold(answers, yardstick)
    sure = (answers.probabilities.max(axis=-1) >= SCORE) & (answers.known >= threshold)
    right = answers.probabilities.argmax(axis=-1) == yardstick.targets
    wild, own = yardstick.wild, yardstick.own
    sure_wild, right_wild, sources = (
        sure[:, wild].mean(axis=0),
        (sure & right)[:, wild].mean(axis=0),
        yardstick.sources[wild],
    )
    named = {"kinds": yardstick.kinds, "classes": np.array([*yardstick.labels, ""])[yardstick.targets]}
    others = [*yardstick.stranger_parts(), *([ASKED] if (yardstick.parts == ASKED).any() else [])]
    return {
        "score": SCORE,
        "known": threshold,
        "own_kept": float(sure[:, own][right[:, own]].mean()),
        "wild_certain": float(sure_wild.mean()),
        "wild_certain_95": clustered_interval(sure_wild, np.ones(len(sure_wild)), sources),
        "wild_right_of_certain": float(right_wild.sum() / sure_wild.sum()) if sure_wild.any() else None,
        "wild_right_of_certain_95": clustered_interval(right_wild, sure_wild, sources),
        "strangers_certain": {part: float(sure[:, yardstick.parts == part].mean()) for part in others},
        **{by: _by(names, sure, right, wild) for by, names in named.items()},
    }


def _by(names: npt.NDArray[np.str_], sure: Mask, right: Mask, wild: Mask) -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    for name in np.unique(names[wild]):
        of = wild & (names == name)
        certain = sure[:, of]
        rows[str(name)] = {
            "photos": int(of.sum()),
            "right": float(right[:, of].mean()),
            "certain": float(certain.mean()),
            "right_of_certain": float(right[:, of][certain].mean()) if certain.any() else None,
        }
    return rows

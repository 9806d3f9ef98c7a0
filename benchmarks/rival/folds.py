"""Heads of the folds of `train.fitting.crossval`, which answer for any precision of the network they were fitted on."""

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.rival.features import NORMS, POOLINGS, Norm, normalized
from train.data.run_data import RunData
from train.fitting.crossval import FOLDS, REPEATS, cross_validate
from train.fitting.head import LinearHead
from train.fitting.pooled import CachedTraining
from train.metrics import Floats, Ints
from train.progress import say
from train.recipes import Pooling
from train.views.features import Features

PENALTIES = (0.003, 0.01, 0.03, 0.1)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the rival's head reads and how it is fitted."""

    pooling: Pooling
    norm: Norm
    inverse_l2: float


@dataclass(frozen=True, slots=True)
class FoldHeads:
    """The heads of every fold of every repeat, in their order, and the photos that each has not seen."""

    heads: tuple[LinearHead, ...]
    held_out: tuple[Ints, ...]

    def logits(self, features: Floats) -> Floats:
        """Answer for photos with features `[N + M, D]` by the heads that have not seen them, `[repeats, N + M, C]`."""
        logits = np.empty((len(self.heads) // FOLDS, len(features), len(self.heads[0].bias)), np.float32)
        for number, (head, rest) in enumerate(zip(self.heads, self.held_out, strict=True)):
            logits[number // FOLDS, rest] = head.logits(features[rest])
        return logits


def fold_heads(training: CachedTraining, repeats: int = REPEATS) -> FoldHeads:
    """Fit a head for every fold of every repeat: the set's photos folded by duplicates, the others by source."""
    heads: list[LinearHead] = []
    held_out: list[Ints] = []

    def answer(chosen: Ints, rest: Ints) -> Floats:
        heads.append(training.fit(chosen))
        held_out.append(rest)
        return heads[-1].logits(training.views[0, rest])

    data = training.data
    cross_validate(
        data.targets,
        data.groups,
        answer,
        num_classes=len(data.labels),
        seed=training.recipe.seed,
        repeats=repeats,
        elsewhere=data.elsewhere,
    )
    return FoldHeads(tuple(heads), tuple(held_out))


def training_on(features: Features, choice: Choice, ours: CachedTraining) -> CachedTraining:
    """Return the training of the same photos on the rival's features, `[views, N + M, D]` by pooling."""
    head = replace(ours.recipe.pooled_head, inverse_l2=choice.inverse_l2)
    views = normalized(features[choice.pooling], choice.norm)
    return replace(ours, recipe=replace(ours.recipe, head=head), views=views)


def choose(features: Features, ours: CachedTraining) -> tuple[Choice, list[dict[str, object]]]:
    """Take the pooling and the norm that are best on photos from elsewhere with our penalty, then the best penalty.

    The choice favours the rival: it is made on a folding that it is then measured in.

    Returns:
        The best, and what each reached.
    """
    ours_l2 = ours.recipe.pooled_head.inverse_l2
    tried: dict[Choice, tuple[float, float]] = {}

    def best_of(choices: list[Choice]) -> Choice:
        for choice in choices:
            if choice not in tried:
                training = training_on(features, choice, ours)
                tried[choice] = own, elsewhere = shares(fold_heads(training, 1).logits(training.views[0]), ours.data)
                say(f"{choice}: elsewhere {elsewhere:.1%}, own {own:.1%}")
        return max(choices, key=lambda choice: tried[choice][1])

    best = best_of([Choice(pooling, norm, ours_l2) for pooling in POOLINGS for norm in NORMS])
    best = best_of([replace(best, inverse_l2=inverse_l2) for inverse_l2 in PENALTIES])
    reached: list[dict[str, object]] = [
        {"pooling": of.pooling, "norm": of.norm, "inverse_l2": of.inverse_l2, "own": own, "elsewhere": elsewhere}
        for of, (own, elsewhere) in tried.items()
    ]
    return best, reached


def rights(logits: Floats, data: RunData) -> tuple[Floats, Floats]:
    """Return which answers are right: of the set's own photos, `[repeats, N]`, and from elsewhere, `[repeats, M]`."""
    targets = np.concatenate([data.targets, data.elsewhere.targets])
    right = logits.argmax(axis=-1) == targets
    return right[:, : len(data.targets)], right[:, len(data.targets) :]


def shares(logits: Floats, data: RunData) -> tuple[float, float]:
    """Return the shares of right answers, own and from elsewhere."""
    own, elsewhere = rights(logits, data)
    return float(own.mean()), float(elsewhere.mean())

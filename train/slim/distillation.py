"""Distillation: a pruned network learns to tell what the original tells, from photos without labels.

The original's features are computed once for some augmented views of every photo. The pruned
network is trained to give them from the same views (Hinton, Vinyals, Dean 2015; Romero et al.
2015), through a linear readout that is learned with it and has then done its work: heads are fitted
on the slim network's own features, as on any other network's.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from train.errors import DistillationError
from train.metrics import Floats, Ints
from train.progress import track
from train.recipes import Augmentation, DenseHead, Recipe
from train.runs.checkpoints import Checkpoints
from train.slim.observed import observed_features
from train.slim.sensitivity import solve_ridge

BATCH = 16
VIEWS_A_ROUND = 64 * BATCH  # after each the state is kept
_WARM_UP_STEPS = 50
_READOUT_RIDGE = 0.05  # of a standardized feature's variance
_FORWARD_BATCH = 64
_LEAST_SCALE = 0.05  # of the features' typical deviation
_WIDE = Augmentation(
    shift=0.15, zoom=0.3, brightness=0.3, contrast=0.2, gamma=0.3, tint=0.2, saturation=0.5, blurred_share=0.1
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Distillation:
    """How to distil.

    Attributes:
        views: Views of each photo, the first one unchanged.
        epochs: Passes over all views.
        learning_rate: Adam's, at its highest.
        wide_views: Change the views further than training does. The original can tell of any
            picture, so a view need not look like the label it had; its features are computed anew.
    """

    views: int
    epochs: int
    learning_rate: float = 4e-4
    wide_views: bool = False


@dataclass(frozen=True, slots=True)
class Standardization:
    """Features less their mean, in units of their standard deviation.

    Attributes:
        mean: `float32 [D]`.
        scale: `float32 [D]`, above 0.
    """

    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]

    @classmethod
    def of(cls, rows: Floats) -> "Standardization":
        """Measure it on `[N, D]`."""
        deviation = rows.std(axis=0, dtype=np.float64)
        # A feature that never moves would otherwise count a million times as much as the others, once it does.
        floor = max(_LEAST_SCALE * np.sqrt((deviation**2).mean()), 1e-12)
        return cls(rows.mean(axis=0).astype(np.float32), np.maximum(deviation, floor).astype(np.float32))

    def apply(self, rows: Floats) -> npt.NDArray[np.float32]:
        """Standardize `[N, D]`."""
        return ((rows - self.mean) / self.scale).astype(np.float32)

    def layer(self) -> keras.layers.Layer:
        """Return it as a layer, which does not learn."""
        return keras.layers.Normalization(mean=self.mean, variance=self.scale**2)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a slim network is to give.

    Attributes:
        features: The original's, `[N, D]`.
        answers: What a fine-tuned original answers, logits `[N, C]`; None for one that was not fine-tuned.
    """

    features: Floats
    answers: Floats | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.features)

    def standardized(self) -> npt.NDArray[np.float32]:
        """Return both, standardized, `[N, D + C]`: all answers together weigh as much as all features."""
        features = Standardization.of(self.features).apply(self.features)
        if self.answers is None:
            return features
        weight = np.sqrt(np.float32(features.shape[1] / self.answers.shape[1]))
        return np.concatenate([features, weight * Standardization.of(self.answers).apply(self.answers)], axis=1)


def view_recipe(recipe: Recipe, settings: Distillation) -> Recipe:
    """Return the recipe by which views are made."""
    if not settings.wide_views:
        return recipe
    return replace(recipe, augmentation=widened(recipe.augmentation))


def widened(augmentation: Augmentation) -> Augmentation:
    """Return changes that go further."""
    own, wide = asdict(augmentation), asdict(_WIDE)
    return Augmentation(**{name: max(own[name], wide[name]) for name in own})


def distil(
    base: keras.Model,
    recipe: Recipe,
    load: Callable[[Ints], Pixels],
    wanted: Wanted,
    settings: Distillation,
    state: Checkpoints,
) -> None:
    """Train a pruned base in place, resuming after the last whole round.

    Args:
        base: The pruned base.
        recipe: Its recipe.
        load: Returns some of the N views, `uint8 [n, H, W, 3]`, by their numbers.
        wanted: What the original gives for them.
        settings: How long and how fast.
        state: Where the state is kept.

    Raises:
        DistillationError: The loss is not finite any more.
    """
    features = observed_features(base, recipe)
    features.trainable = True
    standardized = wanted.standardized()
    if isinstance(recipe.head, DenseHead):  # its maps keep all their channels, and need no readout
        outputs = Standardization.of(wanted.features).layer()(features.output)
    else:
        outputs = read_out(features, load, standardized, recipe.seed)
    model = keras.Model(features.input, outputs)
    follow(
        model,
        load,
        standardized,
        settings,
        state,
        recipe.seed,
        advice=", or without --mixed-precision" if recipe.mixed_precision else "",
    )


def read_out(
    features: keras.Model, load: Callable[[Ints], Pixels], standardized: Floats, seed: int
) -> keras.KerasTensor:
    """Read the original's features out of a pruned network's, by a linear layer that learns with it.

    Args:
        features: The pruned network, `[N, H, W, 3]` -> `[N, d]`.
        load: As in `distil`.
        standardized: The original's features, standardized, `[N, D]`.
        seed: As in `follow`.

    Returns:
        What is to become the standardized features; it starts with the best that a linear layer can do.
    """
    first = _drawn(len(standardized), 0, seed)
    rows = features.predict(load(first), batch_size=_FORWARD_BATCH, verbose=0)
    seen = Standardization.of(rows)
    readout = keras.layers.Dense(standardized.shape[1], name="readout")
    outputs = readout(seen.layer()(features.output))
    readout.set_weights(_first_readout(seen.apply(rows), standardized[first]))
    return outputs


def follow(
    model: keras.Model,
    load: Callable[[Ints], Pixels],
    wanted: Floats,
    settings: Distillation,
    state: Checkpoints,
    seed: int,
    *,
    advice: str = "",
) -> None:
    """Train a network to give what is wanted, resuming after the last whole round.

    Args:
        model: `[N, H, W, 3]` -> `[N, D]`.
        load: As in `distil`.
        wanted: For every view, `[N, D]`.
        settings: How long and how fast.
        state: Where the state is kept.
        seed: Decides the order of the views.
        advice: What else helps if the loss is not finite.

    Raises:
        DistillationError: The loss is not finite any more.
    """
    rounds = -(-settings.epochs * len(wanted) // VIEWS_A_ROUND)
    _compile(model, rounds, settings.learning_rate)

    history = state.resume(model)
    losses = history.setdefault("loss", [])
    for number in track(range(len(losses), rounds), "Distilling"):
        chosen = _drawn(len(wanted), number, seed)
        logs = model.fit(load(chosen), wanted[chosen], batch_size=BATCH, shuffle=False, verbose=0).history
        if not np.isfinite(logs["loss"][0]):
            raise DistillationError(
                "the distillation went astray: its loss is not finite; start anew with a lower speed-up" + advice
            )
        losses.append(logs["loss"][0])
        state.keep(model, history)


def _compile(model: keras.Model, rounds: int, learning_rate: float) -> None:
    steps = rounds * VIEWS_A_ROUND // BATCH
    warm_up = min(_WARM_UP_STEPS, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 10, steps - warm_up, warmup_target=learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.Adam(schedule)
    model.compile(optimizer, "mse")
    optimizer.build(model.trainable_variables)  # so that a checkpoint has somewhere to go


def _first_readout(features: Floats, wanted: Floats) -> Sequence[npt.NDArray[np.float32]]:
    """Return kernel and bias with which the readout starts: ridge regression on standardized features."""
    rows = features.astype(np.float64)
    covariance = rows.T @ rows / len(rows) + _READOUT_RIDGE * np.eye(rows.shape[1])
    kernel = solve_ridge(covariance, rows.T @ wanted / len(rows))
    return kernel.astype(np.float32), np.zeros(wanted.shape[1], np.float32)


def _drawn(count: int, number: int, seed: int) -> Ints:
    """Return the views of a round: passes over all of them follow each other, each in an order of its own."""
    places = np.arange(number * VIEWS_A_ROUND, (number + 1) * VIEWS_A_ROUND)
    turns = {turn: np.random.default_rng([seed, turn]).permutation(count) for turn in np.unique(places // count)}
    return np.array([turns[turn][place] for turn, place in zip(places // count, places % count, strict=True)])

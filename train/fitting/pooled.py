"""Train a pooled head, and if it pays the last block, on cached features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from train.data.dataset import RunData
from train.fitting.crossval import CrossValidation, cross_validate
from train.fitting.finetune import LastBlock, fine_tune
from train.fitting.head import LinearHead, fit_linear, fitting_curve, head_features, set_head, with_familiarity
from train.metrics import Floats, Ints
from train.recipes import Recipe
from train.views.features import Features, extract, select


@dataclass(frozen=True, slots=True)
class CachedTraining:
    """Everything needed to train on any selection of the photos, in seconds.

    Attributes:
        recipe: With a `PooledHead` and `CachedViews`.
        data: The run's photos.
        base: VGG16.
        features: Of every photo of the data set, then of every one from elsewhere, and view.
        views: The head's input, `[views, N + M, D]`.
        targets: Class indices `[N + M]`.
    """

    recipe: Recipe
    data: RunData
    base: keras.Model
    features: Features
    views: Floats
    targets: Ints

    @property
    def training_photos(self) -> Ints:
        """The indices of the run's training photos and of all from elsewhere."""
        return np.concatenate([self.data.part("train"), np.arange(len(self.data.photos), len(self.targets))])

    def fit(self, chosen: Ints) -> LinearHead:
        """Fit the head on some of the photos."""
        head = fit_linear(self.views[:, chosen], self.targets[chosen], self.recipe.pooled_head.inverse_l2)
        return with_familiarity(head, self.views[0, chosen]) if self.recipe.pooled_head.familiarity else head

    def tune(self, chosen: Ints) -> LastBlock:
        """Fit the head, then train it with the last block."""
        if self.recipe.fine_tune is None:
            raise TypeError(f"recipe {self.recipe.name} fine-tunes nothing")
        return fine_tune(
            select(self.features, chosen),
            self.targets[chosen],
            self.fit(chosen),
            self.base,
            self.recipe.pooled_head,
            self.recipe.fine_tune,
            self.recipe.seed,
        )

    def crossval(self) -> CrossValidation:
        """Cross-validate the head."""
        return self._fold(lambda chosen, held_out: self.fit(chosen).logits(self.views[0, held_out]))

    def crossval_tuned(self) -> CrossValidation:
        """Cross-validate the fine-tuned block, once: each fold takes minutes."""
        return self._fold(
            lambda chosen, held_out: self.tune(chosen).logits(select(self.features, held_out)),
            repeats=1,
            label="Cross-validating the fine-tuned block",
        )

    def curve(self) -> dict[str, list[float]]:
        """Return the head's loss and accuracy while it is being solved."""
        train, validation = self.training_photos, self.data.part("validation")
        seen = (self.views[:, train], self.targets[train])
        held_out = (self.views[0, validation], self.targets[validation])
        return fitting_curve(seen, held_out, self.recipe.pooled_head.inverse_l2)

    def _fold(self, answer: Any, **options: Any) -> CrossValidation:  # noqa: ANN401  # passed on to cross_validate
        data = self.data
        return cross_validate(
            data.targets,
            data.groups,
            answer,
            num_classes=len(data.labels),
            seed=self.recipe.seed,
            elsewhere=data.elsewhere,
            **options,
        )


def prepare(recipe: Recipe, data: RunData, base: keras.Model, cache: Path) -> CachedTraining:
    """Compute or read the features of every photo, for a recipe with a `PooledHead` and `CachedViews`."""
    head, views = recipe.pooled_head, recipe.cached_views.views
    with_maps = recipe.fine_tune is not None and recipe.fine_tune.mode != "never"
    photos = [*data.photos, *(sourced.photo for sourced in data.elsewhere.photos)]
    features = extract(
        photos, views, recipe, base, head.taps, cache, grid=head.grid, pooling=head.pooling, with_maps=with_maps
    )
    targets = np.concatenate([data.targets, data.elsewhere.targets])
    return CachedTraining(recipe, data, base, features, head_features(features, head.taps), targets)


def choose(training: CachedTraining) -> tuple[CrossValidation, dict[str, Any] | None]:
    """Cross-validate the head and decide whether the last block is fine-tuned too.

    Returns:
        The k-fold of what was chosen, and the comparison it rests on (None where the
        recipe leaves no choice).
    """
    plain = training.crossval()
    mode = "never" if training.recipe.fine_tune is None else training.recipe.fine_tune.mode
    if mode == "never":
        return plain, None
    tuned = training.crossval_tuned()
    right = [_right(answers.logits[0], training.data) for answers in (plain, tuned)]
    gain = right[1] - right[0]
    # Better by more than chance would have it: one standard error of the photo-by-photo difference.
    helps = gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain))
    used = mode == "always" or bool(helps)
    decision = {"kfold_without": right[0].mean(), "kfold_with": right[1].mean(), "photos": len(gain), "used": used}
    return tuned if used else plain, decision


def _right(logits: Floats, data: RunData) -> Floats:
    """Return 1 or 0 for each photo outside the test: whether it was answered right when held out."""
    right: Floats = (logits.argmax(axis=1) == data.targets)[data.not_test].astype(float)
    return right


def train_network(network: keras.Model, training: CachedTraining, *, tuned: bool) -> None:
    """Train on the run's training photos and put the result into `network`."""
    chosen = training.training_photos
    if tuned:
        training.tune(chosen).put_into(network)
    else:
        set_head(network, training.fit(chosen))

"""Train a pooled head, and if it pays the last block, on cached features."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from train.data.run_data import RunData
from train.fitting.crossval import FOLDS, CrossValidation, KnownAnswers, cross_validate, fold_numbers
from train.fitting.finetune import LastBlock, fine_tune
from train.fitting.head import (
    LinearHead,
    class_weights,
    fit_linear,
    fitting_curve,
    head_features,
    set_head,
)
from train.fitting.known import KnownOutput, fit_known, free_energy_known, stranger_weights
from train.fitting.readout import Readouts
from train.metrics import Floats, Ints
from train.progress import say, track
from train.recipes import Recipe
from train.views.features import Features, extract, scene, select, select_views


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
        strangers: Features of the strangers, likewise; None without strangers or without `known`.
        readouts: What the heads of a slim network are fitted behind.
    """

    recipe: Recipe
    data: RunData
    base: keras.Model
    features: Features
    views: Floats
    targets: Ints
    strangers: Features | None = None
    readouts: Readouts | None = None

    @property
    def training_photos(self) -> Ints:
        """The indices of the run's training photos and of all from elsewhere."""
        return np.concatenate([self.data.part("train"), np.arange(len(self.data.photos), len(self.targets))])

    def fit(self, chosen: Ints) -> LinearHead:
        """Fit the head on some of the photos."""
        head, targets = self.recipe.pooled_head, self.targets[chosen]
        weights = class_weights(targets, head.balance)
        if self.readouts is None:
            return fit_linear(self.views[:, chosen], targets, head.inverse_l2, weights=weights)
        read = self.readouts.labels.read(self.views[:, chosen])
        return self.readouts.labels.fold(fit_linear(read, targets, head.inverse_l2, weights=weights))

    def fit_known(self, chosen: Ints, strangers: Ints, head: LinearHead, held_out_logits: Floats) -> KnownOutput:
        """Learn what is known from some of the photos and, where there are any, some of the strangers.

        Args:
            chosen: The photos.
            strangers: The strangers; of no account where there are none.
            head: Fitted on the photos.
            held_out_logits: As in `free_energy_known`.
        """
        settings, targets = self.recipe.pooled_head, self.targets[chosen]
        if settings.known is None:
            raise TypeError(f"recipe {self.recipe.name} does not say what is known")
        photos = known_features(select(self.features, chosen), settings.taps)
        if self.strangers is None:
            return free_energy_known(head, held_out_logits, photos[0])
        strange = known_features(select(self.strangers, strangers), settings.taps)
        readout = None if self.readouts is None else self.readouts.known
        if readout is not None:
            photos, strange = readout.read(photos), readout.read(strange)
        known = fit_known(
            (photos, targets, class_weights(targets, settings.balance)),
            (strange, stranger_weights(self.data.strangers, settings.known)[strangers]),
            len(self.data.labels),
            settings.known.inverse_l2,
        )
        return known if readout is None else readout.fold_known(known)

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
        """Cross-validate the head, and what is known once: its fits take longer."""
        fitted: list[tuple[Ints, Ints, LinearHead]] = []

        def answer(chosen: Ints, held_out: Ints) -> Floats:
            head = self.fit(chosen)
            fitted.append((chosen, held_out, head))
            return head.logits(self.views[0, held_out])

        crossval = self.fold(answer)
        if self.recipe.pooled_head.known is None:
            return crossval
        return replace(crossval, known=self._crossval_known(crossval, fitted[:FOLDS]))

    def _crossval_known(
        self, crossval: CrossValidation, folds: Sequence[tuple[Ints, Ints, LinearHead]]
    ) -> KnownAnswers:
        own, taps = len(self.data.photos), self.recipe.pooled_head.taps
        photos = known_features(select_views(self.features, 1), taps)[0]
        strange = photos[:0] if self.strangers is None else known_features(select_views(self.strangers, 1), taps)[0]
        numbers = self.stranger_folds() if len(strange) else np.empty(0, np.int64)
        known, stranger_known = np.empty(len(photos)), np.empty(len(strange))
        stranger_logits = np.empty((len(strange), crossval.logits.shape[-1]))
        for number, (chosen, held_out, head) in track(list(enumerate(folds)), "Cross-validating what is known"):
            others = np.flatnonzero(numbers != number)
            fitted = self.fit_known(chosen, others, head, held_out_logits(crossval, self.data))
            known[held_out] = fitted.known(photos[held_out])
            unseen = np.flatnonzero(numbers == number)
            stranger_known[unseen] = fitted.known(strange[unseen])
            stranger_logits[unseen] = head.logits(strange[unseen, : len(head.kernel)])
        return KnownAnswers(known[:own], known[own:], stranger_known, stranger_logits)

    def stranger_folds(self) -> Ints:
        """Return the fold that each stranger is held out in, `[S]`: as much of each part in all, and kinds whole."""
        strangers = self.data.strangers
        parts = np.unique([sourced.part for sourced in strangers.photos], return_inverse=True)[1].astype(np.int64)
        return fold_numbers(parts, strangers.groups, self.recipe.seed)

    def crossval_tuned(self) -> CrossValidation:
        """Cross-validate the fine-tuned block, once: each fold takes minutes."""
        return self.fold(
            lambda chosen, held_out: self.tune(chosen).logits(select(self.features, held_out)),
            repeats=1,
            label="Cross-validating the fine-tuned block",
        )

    def curve(self) -> dict[str, list[float]]:
        """Return the head's loss and accuracy while it is being solved."""
        train, validation = self.training_photos, self.data.part("validation")
        seen = (self.views[:, train], self.targets[train])
        held_out = (self.views[0, validation], self.targets[validation])
        head = self.recipe.pooled_head
        return fitting_curve(seen, held_out, head.inverse_l2, class_weights(seen[1], head.balance))

    def fold(self, answer: Any, **options: Any) -> CrossValidation:  # noqa: ANN401  # passed on to cross_validate
        """Let any answers of folds be those of `cross_validate`, whose arguments the data decides."""
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
    compute = partial(
        extract, recipe=recipe, base=base, taps=head.taps, cache=cache, grid=head.grid, pooling=head.pooling
    )
    strange = [sourced.photo for sourced in data.strangers.photos] if head.known is not None else []
    stranger_views = head.known.stranger_views if head.known is not None else 0
    passes = len(photos) * views + len(strange) * stranger_views
    say(
        f"Features of {passes} views: {passes / (len(photos) + len(strange)):.1f} passes of the network over all photos"
    )
    features = compute(photos, views, with_maps=with_maps)
    strangers = compute(strange, stranger_views) if strange else None
    targets = np.concatenate([data.targets, data.elsewhere.targets])
    return CachedTraining(recipe, data, base, features, head_features(features, head.taps), targets, strangers)


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
    right = [right_where_it_counts(answers, training.data) for answers in (plain, tuned)]
    gain = right[1] - right[0]
    # Better by more than chance would have it: one standard error of the photo-by-photo difference.
    helps = gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain))
    used = mode == "always" or bool(helps)
    decision = {"kfold_without": right[0].mean(), "kfold_with": right[1].mean(), "photos": len(gain), "used": used}
    return tuned if used else plain, decision


def right_where_it_counts(crossval: CrossValidation, data: RunData) -> Floats:
    """Return 1 or 0 for each photo that decides: whether it was answered right when held out.

    Those are the photos from elsewhere, since the data set's own flatter; where there are none, its own outside the
    test.
    """
    if len(data.elsewhere.targets):
        logits, targets = crossval.elsewhere[0], data.elsewhere.targets
    else:
        logits, targets = held_out_logits(crossval, data), data.targets[data.not_test]
    right: Floats = (logits.argmax(axis=1) == targets).astype(float)
    return right


def held_out_logits(crossval: CrossValidation, data: RunData) -> Floats:
    """Return the answers, each from a model that had not seen the photo, for the photos outside the test `[n, C]`."""
    logits: Floats = crossval.logits[0, data.not_test]
    return logits


def known_features(features: Features, taps: tuple[str, ...]) -> Floats:
    """Return what tells known from strange: the object's features, then the scene's, `float32 [views, N, 2 D]`."""
    return head_features(features, (*taps, *(scene(tap) for tap in taps)))


def train_network(network: keras.Model, training: CachedTraining, crossval: CrossValidation, *, tuned: bool) -> None:
    """Train on the run's training photos, all from elsewhere and all strangers, and put the result into `network`."""
    chosen = training.training_photos
    if tuned:
        training.tune(chosen).put_into(network)
        return
    head = training.fit(chosen)
    set_head(network, head)
    if training.recipe.pooled_head.known is not None:
        strangers = np.arange(len(training.data.strangers.photos))
        training.fit_known(chosen, strangers, head, held_out_logits(crossval, training.data)).put_into(network)

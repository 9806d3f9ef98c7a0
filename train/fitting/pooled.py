"""Train a pooled head, and the last blocks with it, on cached features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from edge_infer.atomic_files import write_atomic
from train.data.dataset import Strangers
from train.data.photos import Photo
from train.data.run_data import RunData
from train.fitting.crossval import FOLDS, CrossValidation, KnownAnswers, cross_validate, fold_numbers
from train.fitting.finetune import LastBlocks, fine_tune, last_blocks_of
from train.fitting.head import (
    LinearHead,
    class_weights,
    fit_linear,
    fitting_curve,
    head_features,
    save_head,
    set_head,
)
from train.fitting.known import KnownOutput, fit_known, free_energy_known, stranger_weights
from train.fitting.readout import Readouts
from train.metrics import Floats, Ints
from train.networks.vgg16 import last_blocks
from train.progress import say, track
from train.recipes import Recipe
from train.views.features import Features, extract, scene, select, select_views


class FoldFiles(Protocol):
    """Where what is fine-tuned in each fold, numbered from 0 on, is kept."""

    def fold_weights(self, number: int) -> Path:
        """Return the file of its blocks."""

    def fold_head(self, number: int) -> Path:
        """Return the file of the head that is fitted on them."""


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
        head, targets, views = self.recipe.pooled_head, self.targets[chosen], self.views[:, chosen]
        weights = class_weights(targets, head.balance)
        readout = None if self.readouts is None else self.readouts.labels
        if readout is not None:
            return readout.fold(fit_linear(readout.read(views), targets, head.inverse_l2, weights=weights))
        own = fit_linear(views, targets, head.inverse_l2, weights=weights)
        if self.readouts is None or self.readouts.answered is None:
            return own
        kept = set(chosen.tolist())
        left_out = {photo.sha256 for place, photo in enumerate(labelled(self.data)) if place not in kept}
        return own.averaged(self.readouts.answered.head(left_out))

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

    def frozen_blocks(self) -> LastBlocks:
        """Return the blocks that are fine-tuned, as the base has them."""
        return last_blocks_of(self.base, self.recipe)

    def tune(self, chosen: Ints, kept: Path | None = None) -> LastBlocks:
        """Train the last blocks on those of the photos that the run may train on: heads may learn from more.

        Args:
            chosen: The photos.
            kept: A file with the trained weights, or the one to write.
        """
        blocks = self.frozen_blocks()
        if kept is not None and kept.exists():
            blocks.network.load_weights(kept)
            return blocks
        learned = np.intersect1d(chosen, self.training_photos)
        fine_tune(blocks, select(self.features, learned), self.targets[learned], self.fit(learned), self.recipe)
        if kept is not None:
            write_atomic(kept, blocks.network.save_weights)
        return blocks

    def behind(self, blocks: LastBlocks) -> "CachedTraining":
        """Return the same with the features that fine-tuned blocks give."""
        features = blocks.features(self.features)
        strangers = None if self.strangers is None else blocks.features(self.strangers)
        views = head_features(features, self.recipe.pooled_head.taps)
        return replace(self, features=features, views=views, strangers=strangers)

    def crossval(self) -> CrossValidation:
        """Cross-validate the head on the frozen base's features, and what is known once: its fits take longer."""
        return self._crossval(lambda _number, _chosen: self)

    def crossval_tuned(self, kept: FoldFiles) -> CrossValidation:
        """Cross-validate the fine-tuned blocks with the heads on them, once: each fold takes minutes.

        Args:
            kept: Where the blocks and the head of each fold are kept.
        """
        return self._crossval(
            lambda number, chosen: self.behind(self.tune(chosen, kept.fold_weights(number))),
            lambda number, head: save_head(kept.fold_head(number), head),
            repeats=1,
            label="Cross-validating the fine-tuned blocks",
        )

    def _crossval(
        self,
        trained: Callable[[int, Ints], "CachedTraining"],
        fitted: Callable[[int, LinearHead], None] = lambda _number, _head: None,
        **options: Any,  # noqa: ANN401  # passed on to cross_validate
    ) -> CrossValidation:
        """Cross-validate heads on features that each fold may have of its own."""
        folds: list[_Fold] = []

        def answer(chosen: Ints, held_out: Ints) -> Floats:
            training = trained(len(folds), chosen)
            fold = _Fold(training, chosen, held_out, training.fit(chosen))
            fitted(len(folds), fold.head)
            folds.append(fold)
            return fold.head.logits(training.views[0, held_out])

        crossval = self.fold(answer, **options)
        if self.recipe.pooled_head.known is None:
            return crossval
        return replace(crossval, known=self._crossval_known(crossval, folds[:FOLDS]))

    def _crossval_known(self, crossval: CrossValidation, folds: Sequence["_Fold"]) -> KnownAnswers:
        own, strange = len(self.data.photos), 0 if self.strangers is None else len(self.data.strangers.photos)
        numbers = stranger_folds(self.data.strangers, self.recipe.seed) if strange else np.empty(0, np.int64)
        known, stranger_known = np.empty(len(self.targets)), np.empty(strange)
        stranger_logits = np.empty((strange, crossval.logits.shape[-1]))
        for number, fold in track(list(enumerate(folds)), "Cross-validating what is known"):
            training, others = fold.training, np.flatnonzero(numbers != number)
            fitted = training.fit_known(fold.chosen, others, fold.head, held_out_logits(crossval, self.data))
            known[fold.held_out] = fitted.known(training.first_view(training.features)[fold.held_out])
            if training.strangers is not None:
                unseen = np.flatnonzero(numbers == number)
                features = training.first_view(training.strangers)[unseen]
                stranger_known[unseen] = fitted.known(features)
                stranger_logits[unseen] = fold.head.logits(features[:, : len(fold.head.kernel)])
        return KnownAnswers(known[:own], known[own:], stranger_known, stranger_logits)

    def first_view(self, features: Features) -> Floats:
        """Return what tells known from strange in the pictures as they are, `float32 [N, 2 D]`."""
        first: Floats = known_features(select_views(features, 1), self.recipe.pooled_head.taps)[0]
        return first

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


@dataclass(frozen=True, slots=True)
class _Fold:
    """What was trained without the photos of a fold: `training` has the features that its head reads."""

    training: CachedTraining
    chosen: Ints
    held_out: Ints
    head: LinearHead


def prepare(recipe: Recipe, data: RunData, base: keras.Model, cache: Path) -> CachedTraining:
    """Compute or read the features of every photo, for a recipe with a `PooledHead` and `CachedViews`."""
    head, views = recipe.pooled_head, recipe.cached_views.views
    entrance = None
    if recipe.fine_tune is not None and recipe.fine_tune.mode != "never":
        entrance, _ = last_blocks(head.taps[-1], recipe.fine_tune.blocks)
    photos = labelled(data)

    def compute(photos: Sequence[Photo], views: int) -> Features:
        grid, pooling = head.grid, head.pooling
        return extract(photos, views, recipe, base, head.taps, cache, grid=grid, pooling=pooling, entrance=entrance)

    strange = [sourced.photo for sourced in data.strangers.photos] if head.known is not None else []
    stranger_views = head.known.stranger_views if head.known is not None else 0
    shown = len(photos) * views + len(strange) * stranger_views
    passes = shown / (len(photos) + len(strange))
    say(f"Features of {shown} views: {passes:.1f} passes of the network over all photos")
    features = compute(photos, views)
    strangers = compute(strange, stranger_views) if strange else None
    targets = np.concatenate([data.targets, data.elsewhere.targets])
    return CachedTraining(recipe, data, base, features, head_features(features, head.taps), targets, strangers)


def labelled(data: RunData) -> list[Photo]:
    """Return the photos of the data set, then those from elsewhere: the order of all that is fitted here."""
    return [*data.photos, *(sourced.photo for sourced in data.elsewhere.photos)]


def stranger_folds(strangers: Strangers, seed: int) -> Ints:
    """Return the fold that each stranger is held out in, `[S]`: as much of each part in all, and kinds whole."""
    parts = np.unique([sourced.part for sourced in strangers.photos], return_inverse=True)[1].astype(np.int64)
    return fold_numbers(parts, strangers.groups, seed)


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
        blocks = training.tune(chosen)
        blocks.put_into(network.get_layer("vgg16"))
        training = training.behind(blocks)
    head = training.fit(chosen)
    set_head(network, head)
    if training.recipe.pooled_head.known is not None:
        strangers = np.arange(len(training.data.strangers.photos))
        training.fit_known(chosen, strangers, head, held_out_logits(crossval, training.data)).put_into(network)

"""What the slim network learns from: pictures, and the features that the original gives for them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt

from train.data.photos import Photo
from train.fitting.head import head_features
from train.fitting.pooled import known_features
from train.fitting.readout import Answered, Readouts, beside_own, fit_readout
from train.metrics import Floats, Ints
from train.networks.vgg16 import copy_in_precision
from train.recipes import PooledHead, Recipe
from train.slim.distillation import Distillation, Wanted, view_recipe
from train.slim.observed import observed_pooling, observed_taps
from train.views.features import Features, extract, load_views, select_views

_READOUT_VIEWS = 3


@dataclass(frozen=True, slots=True)
class Teaching:
    """Pictures, and the features that the original gives for their views.

    Attributes:
        photos: Training photos and unlabelled pictures.
        features: Of the original, for every photo and view, as in `train.views.features.extract`.
        settings: How to distil.
        recipe: By which views are made.
        answers: What a fine-tuned original answers, as in `train.slim.answers.answers`; None for any other.
    """

    photos: Sequence[Photo]
    features: Features
    settings: Distillation
    recipe: Recipe
    answers: Floats | None = None

    def resized(self, image_size: int) -> "Teaching":
        """Return the same for a network whose input has another side, pixels: its views are the same, smaller."""
        return replace(self, recipe=replace(self.recipe, image_size=image_size))

    def load(self, chosen: Ints) -> npt.NDArray[np.uint8]:
        """Load some views, numbered as the features are when their first two axes are joined."""
        return load_views([(self.photos[n % len(self.photos)], n // len(self.photos)) for n in chosen], self.recipe)

    def wanted(self) -> Wanted:
        """Return what the slim network is to give for the views, in the order of `load`."""
        taps, _ = observed_taps(self.recipe)
        match self.recipe.head:
            case PooledHead(known=None):
                features = head_features(self.features, taps)
            case PooledHead():
                features = known_features(self.features, taps)
            case _:
                features = self.features[taps[0]]
        return Wanted(_rows(features), None if self.answers is None else _rows(self.answers))

    def readouts(self, recipe: Recipe, base: keras.Model, cache: Path) -> Readouts:
        """Solve the maps from the slim network's features of the first views to what the original gives for them.

        Args:
            recipe: The slim network's, with a `PooledHead`.
            base: The slim base.
            cache: Feature cache.
        """
        head, views = recipe.pooled_head, min(_READOUT_VIEWS, self.settings.views)
        as_taught = replace(recipe, augmentation=self.recipe.augmentation)
        seen = extract(self.photos, views, as_taught, base, head.taps, cache, grid=head.grid, pooling=head.pooling)
        original = select_views(self.features, views)
        own = head_features(seen, head.taps)
        known = None
        if head.known is not None:
            known = fit_readout(*(_rows(known_features(of, head.taps)) for of in (seen, original)))
        if self.answers is not None:
            answered = Answered([photo.sha256 for photo in self.photos], own, self.answers[:views])
            return Readouts(None, known, answered)
        readout = fit_readout(_rows(own), _rows(head_features(original, head.taps)))
        return Readouts(beside_own(readout, _rows(own)), known)


def _rows(features: Floats) -> Floats:
    """Join the first two axes."""
    return features.reshape(-1, features.shape[-1])


def teach(base: keras.Model, photos: Sequence[Photo], recipe: Recipe, settings: Distillation, cache: Path) -> Teaching:
    """Compute or read the original's features of some pictures.

    Args:
        base: The original's base, without anything learned from labels.
        photos: The pictures.
        recipe: The original's.
        settings: How to distil.
        cache: Feature cache.
    """
    recipe = view_recipe(recipe, settings)
    return Teaching(photos, features_of(base, photos, settings.views, recipe, cache), settings, recipe)


def features_of(base: keras.Model, photos: Sequence[Photo], views: int, recipe: Recipe, cache: Path) -> Features:
    """Compute or read the features by which networks of a recipe are compared, as in `extract`."""
    taps, grid = observed_taps(recipe)
    base = copy_in_precision(base, recipe)
    return extract(photos, views, recipe, base, taps, cache, grid=grid, pooling=observed_pooling(recipe))

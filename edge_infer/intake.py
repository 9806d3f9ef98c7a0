"""From a picture to what the network is shown of it: the whole, or each face."""

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.errors import InputError, NoFaceError
from edge_infer.faces.crops import Region, crop_face, face_region
from edge_infer.faces.detector import SCENE_SIDE, Face, FaceDetector
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.pictures.loading import (
    DRAFT_MARGIN,
    ImageSource,
    Scene,
    fit,
    load_input_and_size,
    load_scene,
    shown_box,
)
from edge_infer.pictures.reading import file_name
from edge_infer.results import FailedInput
from edge_infer.settings import Settings

Answered = TypeVar("Answered")
_KEPT_PIXELS = 2**20  # of a picture's middle, 3 MB
MIDDLE_SHARE = 0.5  # of each side: what a second look is at, where the model does not say


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture on its way through the network.

    Attributes:
        source: As in `edge_infer.results.Prediction`.
        size: Width and height of the upright picture, pixels.
        inputs: What the network is shown of it, `uint8 [H, W, 3]` each: the whole, or the faces.
        faces: Whose faces these are; empty for the whole picture, None for other models.
        shows_subject: As in `edge_infer.results.Prediction`.
        middle: What a second look is at; None where there will be none.
    """

    source: str | None
    size: tuple[int, int]
    inputs: list[npt.NDArray[np.uint8]]
    faces: tuple[Face, ...] | None = None
    shows_subject: bool = True
    middle: Image.Image | None = None


class Intake:
    """Loads pictures, and finds the faces in them if the model needs them. Safe to share between threads.

    Args:
        metadata: The model's.
        settings: How pictures are loaded.

    Attributes:
        detector: Finds the faces; None when none are looked for.
        sure: The score from which on a picture is not looked at again.

    Raises:
        ModelError: The detector or the provider cannot be used.
    """

    def __init__(self, metadata: ClassifierMetadata, settings: Settings) -> None:
        self._spec = spec = metadata.input
        self.detector: FaceDetector | None = None
        if settings.faces != "never" and spec.face is not None:
            self.detector = FaceDetector(
                threads=settings.threads, provider=settings.provider, spinning=settings.spinning
            )
        self._needs_face = settings.faces == "always"
        self._middle_share = _middle_share(metadata, settings)
        # The model's own threshold, not the user's, which changes what is shown of an answer, and no answer.
        wanted = math.inf if settings.second_look == "always" else metadata.min_score
        self.sure = -math.inf if self._middle_share is None else wanted
        self._loading = settings.loading

    def load(self, source: ImageSource, known_faces: Sequence[Face] | None = None) -> Loaded:
        """Load a picture.

        Args:
            source: The picture.
            known_faces: In pixels of the upright picture: show these instead of looking for faces.

        Raises:
            InputError: It cannot be read, or lacks the face that it needs.
        """
        spec, name = self._spec, _name(source)
        if self._middle_share is not None:
            return self._load_with_middle(source, self._middle_share)
        if self.detector is None:
            whole, size = load_input_and_size(source, spec, **self._loading)
            return Loaded(name, size, [whole], faces=None if spec.face is None else ())
        scene = load_scene(source, needed_side=SCENE_SIDE, **self._loading)
        if known_faces is None:
            faces = self.detector.detect_in(scene.image)
        else:
            scale_x, scale_y = scene.scale
            faces = tuple(face.scaled((1 / scale_x, 1 / scale_y)) for face in known_faces)
        if faces:
            crops = [crop_face(scene.image, face, spec) for face in faces]
            return Loaded(name, _full_size(scene), crops, tuple(face.scaled(scene.scale) for face in faces))
        if self._needs_face:
            raise NoFaceError(f"{name or 'the given picture'} shows no face")
        return Loaded(name, _full_size(scene), [fit(scene.image, spec)], faces=(), shows_subject=False)

    def second_look(self, loaded: Loaded) -> npt.NDArray[np.uint8]:
        """Return the middle of a picture as the network is shown it, `uint8 [H, W, 3]`."""
        if loaded.middle is None:
            raise TypeError("the picture was loaded without its middle")
        return fit(loaded.middle, self._spec)

    def _load_with_middle(self, source: ImageSource, share: float) -> Loaded:
        """Load a picture, and its middle with as many pixels as it can have."""
        spec = self._spec
        # A reduced decode has averaged the pixels that `nearest` would choose from.
        is_reduced = spec.interpolation != "nearest"
        side = int(DRAFT_MARGIN * max(spec.height, spec.width) / share) if is_reduced else None
        scene = load_scene(source, needed_side=side, **self._loading)
        width, height = scene.image.size
        # Of a picture of few pixels at least one is left.
        margin_x, margin_y = (min(round(side * (1 - share) / 2), (side - 1) // 2) for side in (width, height))
        middle = scene.image.crop((margin_x, margin_y, width - margin_x, height - margin_y))
        if middle.width * middle.height > _KEPT_PIXELS:  # it waits for the answer with others of its batch
            middle = Image.fromarray(fit(middle, spec))
        return Loaded(_name(source), _full_size(scene), [fit(scene.image, spec)], middle=middle)

    def try_to_load(self, source: ImageSource | FailedInput) -> Loaded | FailedInput:
        """Load a picture; a failure becomes a result, or stays the one it is."""
        if isinstance(source, FailedInput):
            return source
        try:
            return self.load(source)
        except InputError as error:
            return FailedInput(_name(source), error)

    def answer_each(
        self, batch: list[ImageSource | FailedInput], answer: Callable[[list[Loaded]], Iterable[Answered]]
    ) -> list[Answered | FailedInput]:
        """Load pictures and answer them together; failures keep their place among the answers."""
        loaded = [self.try_to_load(source) for source in batch]
        answered = iter(answer([item for item in loaded if isinstance(item, Loaded)]))
        return [item if isinstance(item, FailedInput) else next(answered) for item in loaded]

    def regions(self, loaded: Loaded) -> list[Region]:
        """Return the part of the upright picture that each of its inputs shows."""
        if loaded.faces and self._spec.face is not None:
            return [face_region(face, self._spec.face) for face in loaded.faces]
        left, top, right, bottom = shown_box((0.0, 0.0, *loaded.size), self._spec)
        return [Region(((left + right) / 2, (top + bottom) / 2), (right - left, bottom - top))]


def _middle_share(metadata: ClassifierMetadata, settings: Settings) -> float | None:
    """Return the share of each side that a second look is at; None for no such look."""
    if settings.second_look == "always":
        return metadata.second_look or MIDDLE_SHARE
    return metadata.second_look if settings.second_look == "auto" else None


def _full_size(scene: Scene) -> tuple[int, int]:
    """Return width and height of the upright picture, pixels."""
    width, height = (round(side * factor) for side, factor in zip(scene.image.size, scene.scale, strict=True))
    return width, height


def _name(source: object) -> str | None:
    """Return a path, or the name of a file object; other pictures have none."""
    return os.fsdecode(source) if isinstance(source, str | os.PathLike) else file_name(source)

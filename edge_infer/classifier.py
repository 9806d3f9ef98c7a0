"""The classifier: a photo in, a ranked answer out."""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_infer.errors import InputError
from edge_infer.images import DEFAULT_MAX_PIXELS, ImageSource, load_input
from edge_infer.metadata import ModelMetadata
from edge_infer.model_file import open_model
from edge_infer.results import FailedInput, Prediction, Result, rank
from edge_infer.session import Session


class Classifier:
    """A loaded model that classifies pictures. Safe to share between threads.

    Args:
        model: A bundled name such as `"gems"`, or the path of an `.onnx` file.
        threads: Threads of one inference; None for every core this process may use.
        provider: onnxruntime execution provider, such as `cpu`, `cuda`, `openvino`.
        min_score: Probability in 0–1 under which an answer is uncertain; None for the
            model's own, which was calibrated on its training data.
        max_pixels: Refuse pictures that decode to more pixels than this.
        quick_start: For a handful of pictures: load faster, run a little slower.

    Raises:
        ModelError: The model or the provider cannot be used.
        ValueError: `threads` below 1 or `min_score` outside 0–1.

    Example:
        >>> classifier = Classifier("gems.onnx")
        >>> classifier.classify("photo.jpg").label
        'Amethyst'
    """

    def __init__(
        self,
        model: str | Path,
        *,
        threads: int | None = None,
        provider: str = "cpu",
        min_score: float | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        quick_start: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"min_score must be in 0-1, got {min_score}")
        file = open_model(model)
        self._session = Session(file, threads=threads, provider=provider, quick_start=quick_start)
        self._metadata = file.metadata
        self._min_score = file.metadata.min_score if min_score is None else min_score
        self._max_pixels = max_pixels

    @property
    def metadata(self) -> ModelMetadata:
        """What the model file says of itself."""
        return self._metadata

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names, in output order."""
        return self._metadata.labels

    def classify(self, source: ImageSource) -> Prediction:
        """Classify one picture.

        Args:
            source: A path, bytes, binary file object, PIL image or `uint8 [H, W, 3]` RGB array.

        Returns:
            The ranked answer.

        Raises:
            InputError: The picture cannot be read.
            ModelOutputError: The model's output is no probability distribution.
        """
        image_rgb = load_input(source, self._metadata.input, max_pixels=self._max_pixels)
        return self._prediction(source, self._session.run(image_rgb[np.newaxis])[0])

    def classify_many(self, sources: Iterable[ImageSource | FailedInput], *, batch_size: int = 8) -> Iterator[Result]:
        """Classify many pictures, in order, holding one batch in memory.

        Args:
            sources: Anything `classify` takes, and `FailedInput`s, which keep their
                place in the results; may be a generator.
            batch_size: Pictures per inference, at least 1.

        Returns:
            An iterator: for each source, its `Prediction`, or a `FailedInput` with the error.

        Raises:
            ValueError: `batch_size` below 1.
            TypeError: One path or one file's bytes instead of several.
            ModelOutputError: As in `classify`.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if isinstance(sources, str | bytes):
            raise TypeError("classify_many takes several sources; use classify for one")
        return self._batches(iter(sources), batch_size)

    def _batches(self, sources: Iterator[ImageSource | FailedInput], batch_size: int) -> Iterator[Result]:
        while batch := list(islice(sources, batch_size)):
            yield from self._classify_batch(batch)

    def _classify_batch(self, batch: list[ImageSource | FailedInput]) -> Iterator[Result]:
        loaded = [self._load(source) for source in batch]
        images = [item for item in loaded if not isinstance(item, FailedInput)]
        rows = iter(self._session.run(np.stack(images)) if images else ())
        for source, item in zip(batch, loaded, strict=True):
            yield item if isinstance(item, FailedInput) else self._prediction(source, next(rows))

    def _load(self, source: ImageSource | FailedInput) -> npt.NDArray[np.uint8] | FailedInput:
        if isinstance(source, FailedInput):
            return source
        try:
            return load_input(source, self._metadata.input, max_pixels=self._max_pixels)
        except InputError as error:
            return FailedInput(_name(source), error)

    def _prediction(self, source: object, probabilities: npt.NDArray[np.float32]) -> Prediction:
        meta = self._metadata
        return Prediction(
            _name(source), meta.task, meta.name, rank(meta.labels, probabilities.tolist()), self._min_score
        )


def _name(source: object) -> str | None:
    """Return a path, or the name of a file object; other pictures have none."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else None

"""How many pictures are worked on: one batch after the other, or several side by side."""

import os
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import chain, islice
from typing import TypeVar

import numpy as np
from PIL import Image

from edge_infer.pictures.loading import ImageSource
from edge_infer.results import FailedInput
from edge_infer.runtime.parallel import map_in_order
from edge_infer.settings import Settings

Answered = TypeVar("Answered")
Batch = list[ImageSource | FailedInput]

# Up to here all threads work on one picture after the other. From here on each works on pictures of its
# own, which answers more of them a second, and a VGG16's slower loading pays for itself.
FEW_PICTURES = 4


def answer_in_batches(
    sources: Iterable[ImageSource | FailedInput],
    answers_with: Callable[[Settings], Callable[[Batch], list[Answered]]],
    *,
    few: Settings,
    many: Settings,
    batch_size: int,
    workers: int | None,
    verb: str,
) -> Iterator[Answered]:
    """Answer batch after batch, as `Classifier.classify_many` documents it.

    Args:
        sources: The pictures.
        answers_with: Loads what answers a batch.
        few: How it is loaded for a few pictures: with all threads.
        many: Likewise for many, for each of several workers.
        batch_size: Pictures in a batch.
        workers: Batches worked on at a time; None for as many as suits the number of pictures.
        verb: What the method for one picture is called.

    Raises:
        ValueError: `batch_size` or `workers` below 1.
        TypeError: One path, file or array instead of several.
    """
    if _is_one_source(sources):
        raise TypeError(f"{verb}_many takes several sources; use {verb} for one")
    are_few = isinstance(sources, Sized) and len(sources) <= FEW_PICTURES if workers is None else workers == 1
    if workers is None:
        workers = 1 if are_few else few.threads or 1
    for name, value in (("batch_size", batch_size), ("workers", workers)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    remaining = iter(sources)
    batches = iter(lambda: list(islice(remaining, batch_size)), [])
    answer = answers_with(few if are_few else many)
    return chain.from_iterable(map(answer, batches) if workers == 1 else map_in_order(answer, batches, workers))


def _is_one_source(sources: object) -> bool:
    """Return whether these are one picture, which could be iterated over: by lines, bytes or rows."""
    if isinstance(sources, np.ndarray):
        return sources.ndim <= 3
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Image.Image):
        return True
    return hasattr(sources, "read")

"""Answers as a step of a Ray Data pipeline."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import ray.data

from edge_infer.bulk.cluster import cores
from edge_infer.bulk.names import PATH_COLUMN
from edge_infer.bulk.rows import ANSWER_COLUMNS, to_table
from edge_infer.bulk.worker import Model, answer
from edge_infer.classifier import Classifier

BATCH_ROWS = 256


def classify_dataset(
    dataset: ray.data.Dataset,
    model: str | Path,
    *,
    column: str = PATH_COLUMN,
    workers: int | tuple[int, int] | None = None,
    top: int | None = None,
    **options: Any,  # noqa: ANN401  # Classifier's
) -> ray.data.Dataset:
    """Add an answer to every row of a Ray dataset that names a picture.

    Workers, on a core each, open the pictures themselves: the dataset holds names, never pixels.

    Args:
        dataset: Has a column of paths or addresses.
        model: A bundled name or a model file on this machine; workers need not have it.
        column: Which column.
        workers: How many, or the least and the most; None for up to one on each core.
        top: How many of the best classes to keep; None for all.
        **options: `min_score`, `min_known`, `max_pixels`, `max_bytes`, `rotate`, `faces` of `Classifier`.

    Returns:
        The dataset, lazily, with the columns `task`, `model`, `model_sha256`, `label`, `score`, `certain`,
        `known`, `is_known`, `scores`, `faces`, `error_type` and `error_message`. A picture that cannot be read has its
        error.

    Raises:
        ModelError: The model cannot be used.
        ValueError: As in `Classifier`, or the dataset lacks the column, or has one that an answer has.
    """
    columns = [] if (schema := dataset.schema()) is None else schema.names  # of an empty dataset nothing is known
    if columns and column not in columns:
        raise ValueError(f"the dataset has no column {column!r}: {', '.join(columns)}")
    if taken := [name for name in columns if name in ANSWER_COLUMNS.names]:
        raise ValueError(f"the dataset has a column {taken[0]!r}, which answers have too: rename it")
    classifier = Classifier(model, quick_start=True, **options)
    least, most = (workers, workers) if isinstance(workers, int) else workers or (1, cores())
    pool = ray.data.ActorPoolStrategy(min_size=least, max_size=most)
    return dataset.map_batches(
        _AddAnswers,
        fn_constructor_args=(Model.of(classifier, options), column, top),
        batch_format="pyarrow",
        batch_size=BATCH_ROWS,
        compute=pool,
        num_cpus=1,
    )


class _AddAnswers:
    """A worker's part: it keeps its model loaded from batch to batch."""

    def __init__(self, model: Model, column: str, top: int | None) -> None:
        self._model, self._column, self._top = model, column, top

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return a batch with its answers."""
        names = [name or "" for name in batch.column(self._column).to_pylist()]  # a missing one names no picture
        answers = to_table(names, list(answer(self._model, names)), self._model.columns, self._top)
        for name in ANSWER_COLUMNS.names:
            batch = batch.append_column(name, answers.column(name))
        return batch

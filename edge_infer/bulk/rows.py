"""Answers as the columns of a table: the fields of a JSON record, typed."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from edge_infer.results import FailedInput, Result

_SCORES = pa.list_(pa.struct([("label", pa.string()), ("score", pa.float64())]))
_ANSWER = [
    ("label", pa.string()),
    ("score", pa.float64()),
    ("certain", pa.bool_()),
    ("known", pa.float64()),
    ("is_known", pa.bool_()),
]
_FACE = pa.struct([("box", pa.list_(pa.float64())), ("detection_score", pa.float64()), *_ANSWER, ("scores", _SCORES)])

ANSWER_COLUMNS = pa.schema(
    [
        ("task", pa.string()),
        ("model", pa.string()),
        ("model_sha256", pa.string()),
        *_ANSWER,
        ("scores", _SCORES),
        ("faces", pa.list_(_FACE)),
        ("error_type", pa.string()),
        ("error_message", pa.string()),
    ]
)
COLUMNS = pa.schema([pa.field("source", pa.string(), nullable=False), *ANSWER_COLUMNS])


def to_table(
    names: Sequence[str], results: Sequence[Result], model: dict[str, str], top: int | None = None
) -> pa.Table:
    """Return a row for each picture, in order.

    Args:
        names: What the pictures are called.
        results: The answer to each.
        model: `task`, `model` and `model_sha256`, which every row has.
        top: How many of the best classes to keep; None for all.
    """
    rows = [
        {"source": as_text(name)} | model | _answer(result, top) for name, result in zip(names, results, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=COLUMNS)


def as_text(name: str) -> str:
    """Return a name as text; bytes of it that are not UTF-8 are written as escapes, as in JSON."""
    return name.encode("utf-8", "backslashreplace").decode()


def _answer(result: Result, top: int | None) -> dict[str, Any]:
    record = result.to_record(top)
    if isinstance(result, FailedInput):
        error = record["error"]
        return {"error_type": error["type"], "error_message": as_text(error["message"])}
    return {name: record[name] for name in ANSWER_COLUMNS.names if name in record}

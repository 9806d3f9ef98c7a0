"""Typed fields out of a model's JSON self-description, one clear message for each that is wrong."""

from collections.abc import Sequence
from types import UnionType
from typing import Any, get_args

from edge_infer.errors import MetadataError

GOLDEN_ROWS = 4  # as many pictures as `edge_infer.runtime.golden` draws
MAX_SIDE_PX = 4096  # a larger input is not a classifier, and would let a file ask for any amount of memory


class Fields:
    """Takes typed fields out of a JSON object; every method raises `MetadataError` naming the one that is wrong.

    Args:
        record: The object.
        prefix: Where it lies in the whole, for messages, such as `input.`.
    """

    def __init__(self, record: dict[str, Any], prefix: str = "") -> None:
        self._record = dict(record)
        self._prefix = prefix

    def take(self, key: str, kind: type | UnionType) -> Any:  # noqa: ANN401  # the caller names the type
        """Take a value of a JSON type; true and false do not count as numbers."""
        value = self._pop(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self._wrong(key, value, f"a {getattr(kind, '__name__', kind)}")
        return value

    def flag(self, key: str) -> bool:
        """Take true or false."""
        value = self._pop(key)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false")
        return value

    def text(self, key: str) -> str:
        """Take a non-empty string."""
        value: str = self.take(key, str)
        if not value:
            raise self._wrong(key, value, "a non-empty string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of strings."""
        value = self.take(key, list)
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(key, value, "a list of strings")
        return tuple(value)

    def labels(self, key: str) -> tuple[str, ...]:
        """Take two or more distinct, non-empty strings."""
        labels = self.texts(key)
        if len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
            raise self._wrong(key, list(labels), "two or more distinct, non-empty names")
        return labels

    def number(self, key: str, low: float, high: float) -> float:
        """Take a number from `low` to `high`."""
        value = self.take(key, object)
        if not isinstance(value, int | float) or not low <= value <= high:  # NaN fails the comparison too
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def number_or_null(self, key: str, low: float, high: float) -> float | None:
        """Take a number from `low` to `high`, or null."""
        value = self._pop(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}, or null")
        return float(value)

    def probabilities(self, key: str, width: int) -> tuple[tuple[float, ...], ...]:
        """Take no rows, or `GOLDEN_ROWS` of `width` numbers from 0 to 1."""
        rows = self.take(key, list)
        if len(rows) not in (0, GOLDEN_ROWS):
            raise self._wrong(key, rows, f"{GOLDEN_ROWS} rows or none")
        for row in rows:
            if not isinstance(row, list) or len(row) != width or not all(_is_share(value) for value in row):
                raise self._wrong(key, row, f"rows of {width} numbers from 0 to 1")
        return tuple(tuple(map(float, row)) for row in rows)

    def side(self, key: str) -> int:
        """Take a length in pixels, 1 to `MAX_SIDE_PX`."""
        value: int = self.take(key, int)
        if not 1 <= value <= MAX_SIDE_PX:
            raise self._wrong(key, value, f"an integer from 1 to {MAX_SIDE_PX}")
        return value

    def integer_of(self, key: str, allowed: Sequence[int]) -> int:
        """Take one of a few integers."""
        value: int = self.take(key, int)
        if value not in allowed:
            raise self._wrong(key, value, " or ".join(map(str, allowed)))
        return value

    def null(self, key: str, case: str) -> None:
        """Take null, which the field must be in this case, such as `in fp32`."""
        value = self._pop(key)
        if value is not None:
            raise self._wrong(key, value, f"null {case}")

    def choice(self, key: str, literal: Any) -> Any:  # noqa: ANN401  # a typing.Literal and one of its values
        """Take one of a `Literal`'s strings."""
        value = self.take(key, str)
        if value not in get_args(literal):
            raise self._wrong(key, value, " or ".join(get_args(literal)))
        return value

    def refuse_rest(self) -> None:
        """Refuse what was not taken."""
        if self._record:
            unknown = ", ".join(repr(self._prefix + key) for key in sorted(self._record))
            raise MetadataError(f"the model's metadata has unknown fields: {unknown}")

    def _pop(self, key: str) -> object:
        if key not in self._record:
            raise MetadataError(f"the model's metadata lacks {self._prefix}{key}")
        return self._record.pop(key)

    def _wrong(self, key: str, value: object, wanted: str) -> MetadataError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return MetadataError(f"the model's metadata field {self._prefix}{key} should be {wanted}, not {shown}")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

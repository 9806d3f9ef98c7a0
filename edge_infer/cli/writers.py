"""Results to text, JSON, JSON lines or CSV, one record per input, as they come."""

import csv
import json
import re
from types import TracebackType
from typing import Literal, Protocol, Self, TextIO

from edge_infer.results import STDIN, FacePrediction, FailedInput, Prediction, Result

OutputFormat = Literal["text", "json", "jsonl", "csv"]

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # surrogates: bytes that are not UTF-8

_FORMULA = re.compile(r"[=+\-@\t\r]")  # how a cell begins that Excel, LibreOffice or Sheets would run


class Writer(Protocol):
    """Writes results to a stream; a context manager, so that what it opened is closed."""

    def __enter__(self) -> Self:
        """Begin the output."""

    def write(self, result: Result) -> None:
        """Write one result."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the output, also after an error: what was written stays readable."""


def make_writer(output_format: OutputFormat, stream: TextIO, top: int | None, *, has_known: bool = False) -> Writer:
    """Return the writer of a format.

    Args:
        output_format: `text`, `json`, `jsonl` or `csv`.
        stream: Where to write.
        top: How many of the best classes to show; None for one in text and CSV, and
            all in JSON.
        has_known: Whether the model's answers have a `known`, which CSV has a column for.
    """
    match output_format:
        case "text":
            return _TextWriter(stream, top or 1)
        case "json":
            return _JsonWriter(stream, top)
        case "jsonl":
            return _JsonLinesWriter(stream, top)
        case "csv":
            return _CsvWriter(stream, top or 1, has_known)


class _StreamWriter:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class _TextWriter(_StreamWriter):
    """`photo.jpg: Amethyst 98.3%`, or every face, the largest first; failures are reported on stderr by the command."""

    def __init__(self, stream: TextIO, top: int) -> None:
        super().__init__(stream)
        self._top = top

    def write(self, result: Result) -> None:
        if isinstance(result, FailedInput):
            return
        if result.faces and len(result.faces) > 1:
            answer = f"{len(result.faces)} faces: " + "; ".join(self._answer(face) for face in result.faces)
        else:
            answer = self._answer(result)
        remark = "" if result.shows_subject else " (no face found)"
        print(one_line(f"{result.source}: {answer}{remark}"), file=self._stream)

    def _answer(self, result: Prediction | FacePrediction) -> str:
        ranked = ", ".join(f"{s.label} {s.score:.1%}" for s in result.top(self._top))
        if not result.is_known:
            return f"none of these (known {result.known:.1%}), closest {ranked}"
        return ranked if result.is_certain else f"uncertain, best guess {ranked}"


class _JsonWriter(_StreamWriter):
    """One array, written element by element, so a long run needs no memory for it."""

    def __init__(self, stream: TextIO, top: int | None) -> None:
        super().__init__(stream)
        self._top = top
        self._separator = ""

    def __enter__(self) -> Self:
        self._stream.write("[")
        return self

    def write(self, result: Result) -> None:
        self._stream.write(f"{self._separator}\n{_to_json(result, self._top, self._stream)}")
        self._separator = ","

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.write("\n]\n")


class _JsonLinesWriter(_StreamWriter):
    def __init__(self, stream: TextIO, top: int | None) -> None:
        super().__init__(stream)
        self._top = top

    def write(self, result: Result) -> None:
        print(_to_json(result, self._top, self._stream), file=self._stream, flush=True)


class _CsvWriter(_StreamWriter):
    """Columns `source … certain`, `known, is_known` if the model has them, `label_2, score_2 …` up to the top K, error.

    No cell is one that a spreadsheet would run as a formula: a path gets `./` before it, which names the same
    file, and other text an apostrophe, as spreadsheets themselves have it.
    """

    def __init__(self, stream: TextIO, top: int, has_known: bool) -> None:
        super().__init__(stream)
        self._top, self._has_known = top, has_known
        self._csv = csv.writer(stream, lineterminator="\n")

    def __enter__(self) -> Self:
        runners_up = [f"{name}_{k}" for k in range(2, self._top + 1) for name in ("label", "score")]
        known = ["known", "is_known"] if self._has_known else []
        answer = ["source", "task", "model", "label", "score", "certain", *known, *runners_up]
        self._width = len(answer)
        self._csv.writerow([*answer, "error_type", "error_message"])
        return self

    def write(self, result: Result) -> None:
        if isinstance(result, Prediction):
            row = [
                _inert_path(result.source),
                _inert(result.task),
                _inert(result.model),
                _inert(result.label),
                result.score,
                str(result.is_certain).lower(),
                *([result.known, str(result.is_known).lower()] if self._has_known else []),
            ]
            for runner_up in result.top(self._top)[1:]:
                row += [_inert(runner_up.label), runner_up.score]
            error = ["", ""]
        else:
            row = [_inert_path(result.source)]
            error = [type(result.error).__name__, _inert(str(result.error))]
        self._csv.writerow([*row, *[""] * (self._width - len(row)), *error])


def _inert(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _inert_path(path: str | None) -> str | None:
    return f"./{path}" if path is not None and path != STDIN and _FORMULA.match(path) else path


def one_line(text: str) -> str:
    """Escape what would break the line or steer the terminal; a file name may hold it."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def _to_json(result: Result, top: int | None, stream: TextIO) -> str:
    record = result.to_record(top)
    text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:  # a file name that is not UTF-8, or a stream that is not
        text = json.dumps(record, allow_nan=False)
    return text

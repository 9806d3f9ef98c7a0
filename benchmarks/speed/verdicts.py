"""What must hold, judged; and a result held against an earlier one of the same machine."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness.machine import IDENTITY, NotMeasuredError
from benchmarks.speed import cold_start, folder, steady_state
from train.errors import RunFolderError
from train.files import read_json


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio, or another figure that two results can be compared by.

    Attributes:
        name: What it is.
        value: Its value; None if it was not measured.
        lowest: What it must not fall below, if anything.
        highest: What it must not exceed, if anything.
        more_is_better: Whether a smaller value is a loss.
    """

    name: str
    value: float | None
    lowest: float | None = None
    highest: float | None = None
    more_is_better: bool = False

    @property
    def holds(self) -> bool | None:
        """Whether it is within its bounds; None if it was not measured or has none."""
        if self.value is None or (self.lowest is None and self.highest is None):
            return None
        return (self.lowest is None or self.value >= self.lowest) and (
            self.highest is None or self.value <= self.highest
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A figure now and before.

    Attributes:
        name: What it is.
        before: Its earlier value.
        now: Its value.
        loss: By which share it got worse; below 0 if it got better.
    """

    name: str
    before: float
    now: float
    loss: float


def ratios(models: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Return the ratios that must hold, of each model."""
    return [
        replace(figure, name=f"{name}: {figure.name}") for name, model in models.items() for figure in _ratios(model)
    ]


def _ratios(model: Mapping[str, Any]) -> Iterator[Figure]:
    answers_faces = "faces_ms" in (model["stages"] or {})
    process = _at(model, "cold_start", "classify_over_imports", "ratio")
    share = _at(model, "folder", "share_of_network", "ratio")
    threads = max(model["threads"] or {"1": None}, key=int)
    p50 = _at(model, "threads", threads, "classify_ms", "p50")
    independent = model["independent_ms"]
    agreement = None if p50 is None or independent is None else round(independent / p50, 4)
    # A model of faces loads and runs a detector too: for it these two are told, not judged.
    yield Figure("edge-infer classify / bare imports", process, highest=None if answers_faces else cold_start.MUST_HOLD)
    yield Figure(
        "folder / bare network, photos a second",
        share,
        lowest=None if answers_faces else folder.MUST_HOLD,
        more_is_better=True,
    )
    yield Figure(
        f"classify / session.run, p50, {_threads(threads)}",
        _at(model, "threads", threads, "classify_over_session_run", "ratio"),
        highest=steady_state.MUST_HOLD,
    )
    yield Figure(
        "independent p50 / this one",
        agreement,
        lowest=1 - steady_state.AGREEMENT,
        highest=1 + steady_state.AGREEMENT,
    )


def figures(models: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Return everything that two results are compared by: the ratios, times, throughput, memory, size."""
    found = [figure for figure in ratios(models) if "independent" not in figure.name]
    for name, model in models.items():
        found += [
            Figure(f"{name}: edge-infer classify, ms", _at(model, "cold_start", "classify_ms", "p50")),
            Figure(
                f"{name}: folder, photos a second",
                _at(model, "folder", "photos_a_second", "classify_many"),
                more_is_better=True,
            ),
            Figure(f"{name}: bytes", model["bytes"]),
        ]
        for threads, measured in (model["threads"] or {}).items():
            found += [
                Figure(f"{name}: p50, {_threads(threads)}, ms", measured["classify_ms"]["p50"]),
                Figure(f"{name}: peak memory, {_threads(threads)}, MB", measured["peak_memory_mb"]),
            ]
    return found


def read_baseline(path: Path, here: Mapping[str, Any]) -> dict[str, Any]:
    """Return the models of an earlier result of this machine, which `here` describes.

    Raises:
        RunFolderError: The file is not a result.
        NotMeasuredError: It is of another machine.
    """
    earlier = read_json(path, "machine", "models")
    models: dict[str, Any] = earlier["models"]
    try:
        check_same_machine(here, earlier["machine"])
        for figure in figures(models):
            float(figure.value or 0)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} is damaged: it is not a result of latency.py") from error
    return models


def check_same_machine(here: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    """Refuse to compare results of two machines, given the `machine` of each.

    Raises:
        NotMeasuredError: Naming what differs.
    """
    for field in IDENTITY:
        if here.get(field) != there.get(field):
            raise NotMeasuredError(
                f"the baseline is of another machine: its {field} is {there.get(field)}, here it is {here.get(field)}"
            )


def changes_since(models: Mapping[str, Mapping[str, Any]], earlier: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """Return what has changed since an earlier result, for all that both have measured, by model."""
    before = {figure.name: figure.value for figure in figures(earlier)}
    changes = []
    for figure in figures(models):
        value = before.get(figure.name)
        if value and figure.value:
            loss = value / figure.value - 1 if figure.more_is_better else figure.value / value - 1
            changes.append(Change(figure.name, value, figure.value, round(loss, 4)))
    return changes


def _at(record: Any, *path: str) -> Any:  # noqa: ANN401  # JSON
    """Return what is at a path of keys, or None where the path ends early."""
    for key in path:
        if record is None:
            return None
        record = record.get(key)
    return record


def _threads(count: str) -> str:
    return f"{count} thread{'' if count == '1' else 's'}"

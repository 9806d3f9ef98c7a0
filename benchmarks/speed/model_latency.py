"""Everything that is measured of one model; what cannot be is null, and named with its reason."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness.machine import NotMeasuredError, peak_memory_mb, reason
from benchmarks.harness.model_identity import identify
from benchmarks.harness.pictures import link_photos, photos_of
from benchmarks.harness.plan import Plan
from benchmarks.speed import cold_start, folder, steady_state
from benchmarks.speed.stages import measure_stages
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile, open_model
from edge_infer.runtime.session import Session
from train.progress import say

SECTIONS = ("cold_start", "threads", "independent_ms", "stages", "batches", "folder", "spinning")
DATA_VARIABLE = "EDGE_INFER_DATA"
PHOTOS = {"gems": "gems", "gender": "faces"}  # by task: where its photos are in that folder


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for.

    Attributes:
        threads: Numbers of threads, ascending; the last is used wherever one number is needed.
        batches: Batch sizes.
        photos: A folder of photos; None for the task's own in `EDGE_INFER_DATA`, or drawn ones.
        plan: How often.
    """

    threads: tuple[int, ...]
    batches: tuple[int, ...]
    photos: Path | None
    plan: Plan


def doubling_up_to(largest: int) -> tuple[int, ...]:
    """Return 1, 2, 4 … and the largest number itself."""
    return tuple(sorted({largest, *(1 << bits for bits in range(largest.bit_length()))}))


def measure_latency(model: str, choice: Choice) -> dict[str, Any]:
    """Measure one model.

    Args:
        model: Bundled name or file.
        choice: What is asked for.

    Returns:
        What the file is, and a record of each of `SECTIONS`, null for those that `not_measured` names.
    """
    record: dict[str, Any] = dict.fromkeys(("file", "task", "bytes", "sha256", "provider", "photos", *SECTIONS))
    reasons: dict[str, str] = {}
    try:
        file = open_model(model, ClassifierMetadata)
        record |= {**identify(file), "task": file.metadata.task, "provider": Session(file, threads=1).provider}
    except Exception as error:  # whatever is wrong with it is what the report says
        return {**record, "not_measured": dict.fromkeys(record, reason(error))}
    with TemporaryDirectory() as scratch:
        try:
            photos, record["photos"] = _photos(file, choice, Path(scratch))
        except OSError as error:
            photos, reasons["photos"] = [], reason(error)
        for name, measure in _sections(model, photos, choice, record).items():
            say(f"{Path(model).name}: {name.replace('_', ' ').removesuffix(' ms')}")
            try:
                record[name] = measure()
            except Exception as error:  # as above
                reasons[name] = reason(error)
    try:
        peak_memory_mb()
    except NotMeasuredError as error:  # then that of every worker is null too
        reasons["peak_memory_mb"] = reason(error)
    return {**record, "not_measured": reasons}


def _photos(file: ModelFile[ClassifierMetadata], choice: Choice, scratch: Path) -> tuple[list[str], str]:
    """Return a folder of `plan.photos` photos, and where they are from."""
    source, told = choice.photos, "given"
    data = os.environ.get(DATA_VARIABLE)
    if source is None and data and file.metadata.task in PHOTOS:
        source, told = Path(data) / PHOTOS[file.metadata.task], PHOTOS[file.metadata.task]
    drawn, linked = scratch / "drawn", scratch / "photos"
    drawn.mkdir()
    linked.mkdir()
    found = photos_of(source, drawn, with_face=file.metadata.input.face is not None)
    return link_photos(found, linked, choice.plan.photos), "drawn" if source is None else told


def _sections(
    model: str, photos: Sequence[str], choice: Choice, record: dict[str, Any]
) -> dict[str, Callable[[], Any]]:
    """Return how each section is measured; a later one may use what an earlier one has put into the record."""
    plan, threads = choice.plan, choice.threads[-1]

    def best_batch() -> int:
        speeds = record["batches"] or {"1": 1.0}
        return int(max(speeds, key=speeds.__getitem__))

    return {
        "cold_start": lambda: cold_start.measure_cold_start(model, photos[0], plan.processes),
        "threads": lambda: steady_state.measure_threads(model, choice.threads, plan),
        "independent_ms": lambda: steady_state.measure_independently(model, threads, plan.rounds * plan.runs // 2),
        "stages": lambda: measure_stages(model, photos, threads, plan.rounds * plan.runs // 4),
        "batches": lambda: folder.measure_batches(model, threads, choice.batches, plan.rounds // 3 + 1),
        "folder": lambda: folder.measure_folder(model, photos, threads, best_batch(), plan.passes),
        "spinning": lambda: steady_state.measure_spinning(model, threads, plan),
    }

"""A whole job: names, shards, workers, files, totals."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_infer.bulk.job import Job, begin_or_continue, digest, usual_shard_size
from edge_infer.bulk.storage import is_address, remove_unfinished
from edge_infer.bulk.totals import Totals, finished_parts
from edge_infer.bulk.worker import Model, Shard, Work
from edge_infer.classifier import Classifier
from edge_infer.errors import ClusterError

Runner = Callable[[Work, Iterable[Shard]], Iterator[int]]
_LOOKED_AT = 1000  # names, for one that exists


@dataclass(frozen=True, slots=True)
class Done:
    """How a job ended.

    Attributes:
        totals: Over all of its files.
        files: How many there are.
        fresh: Pictures that this run answered; the others were there.
        seconds: How long this run took.
    """

    totals: Totals
    files: int
    fresh: int
    seconds: float


def answer_all(
    names: list[str],
    out: str,
    classifier: Classifier,
    options: Mapping[str, Any],
    run: Runner,
    *,
    top: int | None = None,
    shard_size: int | None = None,
    progress: Callable[[int], None] = lambda pictures: None,
) -> Done:
    """Answer what has no answer yet, until every picture has its row.

    Args:
        names: The job's pictures, by path or address.
        out: Folder of the Parquet files, local or an address.
        classifier: What answers; workers load its model anew.
        options: What it was made with: arguments of `Classifier`.
        run: Answers shards, as `edge_infer.bulk.cluster.run_on_ray` does.
        top: How many of the best classes to keep; None for all.
        shard_size: Pictures in a file; None for what suits their number.
        progress: Called with a number of pictures whenever so many more are finished.

    Raises:
        OtherJobError: `out` holds another job's answers.
        BulkError: It cannot go on.
        ModelError: The model cannot be used.
        OutputError: Answers cannot be written.
    """
    started = time.monotonic()
    out = out if is_address(out) else str(Path(out).absolute())
    model = Model.of(classifier, options)
    job = Job(
        inputs_sha256=digest(names),
        pictures=len(names),
        shard_size=shard_size or usual_shard_size(len(names)),
        model=model.name,
        model_sha256=model.sha256,
        options={**options, "top": top},
    )
    begin_or_continue(job, out)
    there = finished_parts(job, out)
    finished = sum(totals.rows for totals in there.values())
    progress(finished)
    missing = sorted(set(range(job.shards)) - there.keys())
    if missing:
        work = Work(job, model, out, top, _folder_of(names), _witness(names))
        for pictures in run(work, ((shard, list(job.names_in(shard, names))) for shard in missing)):
            progress(pictures)
        there |= finished_parts(job, out, set(missing))
        lost = [shard for shard in missing if shard not in there]
        if lost:
            raise ClusterError(
                f"{len(lost)} files were written but are not in {out}: is that a folder which all machines share?"
            )
    remove_unfinished(out)
    totals = Totals.of(there.values())
    return Done(totals, job.shards, totals.rows - finished, time.monotonic() - started)


def _folder_of(names: Iterable[str]) -> str | None:
    """Return the current folder if any name depends on it."""
    return str(Path.cwd()) if any(not is_address(name) and not Path(name).is_absolute() for name in names) else None


def _witness(names: list[str]) -> str | None:
    """Return the folder of a picture that exists: a machine without it would call every picture missing."""
    local = (name for name in names[:_LOOKED_AT] if not is_address(name))
    # Unlike pathlib's, this one calls names that are too long or not to be looked at no files.
    return next((str(Path(name).parent.absolute()) for name in local if os.path.isfile(name)), None)  # noqa: PTH113

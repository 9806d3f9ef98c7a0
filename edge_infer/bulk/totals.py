"""What a job's finished files say together; each says in its footer whose it is and what it holds."""

import json
from collections import Counter
from collections.abc import Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pyarrow import parquet as pq

from edge_infer.bulk.job import Job, part_name
from edge_infer.bulk.storage import files_below, join, locate, reason
from edge_infer.bulk.worker import PART_KEY
from edge_infer.errors import OtherJobError, StorageError

_READERS = 16


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over finished shards.

    Attributes:
        rows: Pictures, answered or not.
        certain: Answers that are certain.
        errors: Rows with an error, by its type.
    """

    rows: int = 0
    certain: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """Rows without an error."""
        return self.rows - self.errors.total()

    @classmethod
    def of(cls, parts: "Iterable[Totals]") -> "Totals":
        """Add up."""
        parts = list(parts)
        errors: Counter[str] = sum((part.errors for part in parts), Counter())
        return cls(sum(part.rows for part in parts), sum(part.certain for part in parts), errors)


def finished_parts(job: Job, out: str, shards: Container[int] | None = None) -> dict[int, Totals]:
    """Return the finished shards and what each holds.

    A file that is cut short, or whose footer is damaged, is not finished; its rows are not read.

    Args:
        job: Whose.
        out: The folder.
        shards: Look at these only; None for all.

    Raises:
        OtherJobError: A file there is another job's.
        StorageError: The folder cannot be read.
    """
    try:
        there = {address.rpartition("/")[2] for address in _listed(out)}
    except OSError as error:
        raise StorageError(f"{out} cannot be read: {reason(error)}") from error
    ours = {part_name(shard): shard for shard in range(job.shards)}
    strange = sorted(name for name in there - ours.keys() if name.startswith("part-") and name.endswith(".parquet"))
    if strange:
        raise OtherJobError(f"{out} holds {strange[0]}, which this job does not write: give another --out")
    found = sorted(ours[name] for name in there & ours.keys() if shards is None or ours[name] in shards)
    with ThreadPoolExecutor(_READERS) as pool:
        read = pool.map(lambda shard: _part(job, out, shard), found)
        return {shard: totals for shard, totals in zip(found, read, strict=True) if totals is not None}


def _listed(out: str) -> list[str]:
    return [address.replace("\\", "/") for address in files_below(out, recursive=False)]


def _part(job: Job, out: str, shard: int) -> Totals | None:
    address = join(out, part_name(shard))
    try:
        filesystem, path = locate(address)
        with filesystem.open_input_file(path) as file:
            footer = pq.read_metadata(file)
        said = json.loads((footer.metadata or {})[PART_KEY])
        totals = Totals(footer.num_rows, said["certain"], Counter(said["errors"]))
        owner, number = said["job"], said["shard"]
    except (OSError, ValueError, KeyError, TypeError):  # pyarrow raises a ValueError for other files
        return None
    if (owner, number) != (job.id, shard):
        raise OtherJobError(f"{address} is another job's: give another --out")
    return totals if totals.rows == job.size_of(shard) else None

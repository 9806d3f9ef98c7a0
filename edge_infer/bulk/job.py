"""What a job is, and which answers are its own.

The output folder holds the job's description beside its Parquet files. Names that begin with `_` are left out
by what reads such a folder as one table: pyarrow, Ray, Spark.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import edge_infer
from edge_infer.bulk.storage import join, read_bytes, reason, write_whole
from edge_infer.errors import OtherJobError, StorageError

DESCRIPTION = "_edge_infer_bulk.json"
MAX_SHARD = 1000  # pictures: a few seconds of work, which is what a killed worker loses
_FEWEST_SHARDS = 64  # of a job large enough for it, so that many workers have something to do
_MIN_SHARD = 16


@dataclass(frozen=True)
class Job:
    """What decides a job's answers.

    Attributes:
        inputs_sha256: Of the pictures' names, in order.
        pictures: How many there are.
        shard_size: Pictures in each Parquet file but the last.
        model: The model's name.
        model_sha256: Of its file.
        options: What was asked of the classifier.
        version: That of this package.
    """

    inputs_sha256: str
    pictures: int
    shard_size: int
    model: str
    model_sha256: str
    options: Mapping[str, Any]
    version: str = edge_infer.__version__

    @cached_property
    def id(self) -> str:
        """What every file of the job carries."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.pictures // self.shard_size)

    def names_in(self, shard: int, names: Sequence[str]) -> Sequence[str]:
        """Return the names in a shard."""
        return names[shard * self.shard_size : (shard + 1) * self.shard_size]

    def size_of(self, shard: int) -> int:
        """Return how many pictures a shard has."""
        return min(self.shard_size, self.pictures - shard * self.shard_size)

    def to_json(self) -> str:
        """Return the description: the same job gives the same text."""
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"


def part_name(shard: int) -> str:
    """Return the name of a shard's file."""
    return f"part-{shard:05d}.parquet"


def digest(names: Sequence[str]) -> str:
    """Return the sha256 of names, in hex."""
    hashed = hashlib.sha256()
    for name in names:
        hashed.update(name.encode("utf-8", "surrogateescape") + b"\0")
    return hashed.hexdigest()


def usual_shard_size(pictures: int) -> int:
    """Return the pictures in a shard unless the caller says otherwise; it depends on nothing but their number."""
    return max(_MIN_SHARD, min(MAX_SHARD, -(-pictures // _FEWEST_SHARDS)))


def begin_or_continue(job: Job, out: str) -> None:
    """Write the job's description into its folder, or check that the one there is the same.

    Raises:
        OtherJobError: The folder holds the answers of another job.
        OutputError: The description cannot be written.
        StorageError: The one that is there cannot be read.
    """
    address = join(out, DESCRIPTION)
    try:
        found = read_bytes(address)
    except FileNotFoundError:
        write_whole(address, job.to_json().encode())
        return
    except OSError as error:
        raise StorageError(f"{address} cannot be read: {reason(error)}") from error
    if found == job.to_json().encode():
        return
    raise OtherJobError(
        f"{out} holds the answers of another job (not the same: {_differences(job, found)}): "
        "give another --out, or repeat the command that began it"
    )


def _differences(job: Job, found: bytes) -> str:
    ours = asdict(job)
    try:
        theirs = dict(json.loads(found))
        ours |= {f"option {name}": value for name, value in dict(ours.pop("options")).items()}
        theirs |= {f"option {name}": value for name, value in dict(theirs.pop("options")).items()}
    except (ValueError, TypeError, KeyError):
        return f"{DESCRIPTION} is not a job's description"
    differing = [
        f"{name} was {_short(theirs.get(name))}, is {_short(ours.get(name))}"
        for name in sorted({*ours, *theirs})
        if theirs.get(name) != ours.get(name)
    ]
    return ", ".join(differing)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:12]}…"

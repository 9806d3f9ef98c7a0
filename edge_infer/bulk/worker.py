"""A worker's part of a job: open the pictures of a shard, answer them on one core, write their file."""

import hashlib
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

import edge_infer
from edge_infer.bulk.job import Job, part_name
from edge_infer.bulk.rows import to_table
from edge_infer.bulk.storage import is_address, join, read_bytes, reason, write_whole
from edge_infer.classifier import Classifier
from edge_infer.errors import ClusterError, ImageDecodeError, ImageNotFoundError, InputError, StorageError
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES
from edge_infer.pictures.loading import ImageSource
from edge_infer.results import FailedInput, Prediction, Result
from edge_infer.runtime.parallel import map_in_order

PART_KEY = b"edge_infer_bulk"  # under which a file says whose it is and what it holds
BATCH = 8  # pictures per inference
READERS = 4  # threads that fetch a store's pictures while the core computes; twice as many are held


Shard = tuple[int, list[str]]  # its number and its pictures' names


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it travels to workers, which need not have its file.

    Attributes:
        sha256: Of the file, in hex.
        name: The model's own.
        task: What it decides.
        options: How `Classifier` runs it, beside `threads`.
        version: That of the package on the machine that began; a worker's must be the same.
        data: The file's bytes.
    """

    sha256: str
    name: str
    task: str
    options: tuple[tuple[str, Any], ...]
    version: str
    data: bytes = field(compare=False, repr=False)

    @classmethod
    def of(cls, classifier: Classifier, options: Mapping[str, Any]) -> "Model":
        """Return the model that a classifier has opened, to be run with these options."""
        data, metadata = classifier.file.data, classifier.metadata
        sha256 = hashlib.sha256(data).hexdigest()
        return cls(sha256, metadata.name, metadata.task, tuple(options.items()), edge_infer.__version__, data)

    @property
    def columns(self) -> dict[str, str]:
        """What every row says of the model."""
        return {"task": self.task, "model": self.name, "model_sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker has to know beside a shard's names.

    Attributes:
        job: The job.
        model: What answers.
        out: The folder of answers, absolute or an address.
        top: How many of the best classes to keep; None for all.
        folder: Where relative names begin; None without any.
        witness: A folder of pictures that every worker must see; None if all have addresses.
    """

    job: Job
    model: Model
    out: str
    top: int | None
    folder: str | None
    witness: str | None


def answer_shard(work: Work, shard: int, names: Sequence[str]) -> int:
    """Answer a shard and write its file.

    Returns:
        How many pictures it has.

    Raises:
        ModelError: The model cannot be used here.
        ClusterError: This machine does not see what the one that began does, or has another edge-infer.
        StorageError: None of the shard's pictures could be fetched from their store.
        OutputError: The file cannot be written.
    """
    _check_place(work)
    results = list(answer(work.model, names))
    table = to_table(names, results, work.model.columns, work.top)
    said = {
        "job": work.job.id,
        "shard": shard,
        "errors": Counter(type(result.error).__name__ for result in results if isinstance(result, FailedInput)),
        "certain": sum(isinstance(result, Prediction) and result.is_certain for result in results),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({PART_KEY: json.dumps(said).encode()}), sink)
    write_whole(join(work.out, part_name(shard)), sink.getvalue().to_pybytes())
    return len(names)


def answer(model: Model, names: Sequence[str]) -> Iterator[Result]:
    """Answer pictures on the calling thread.

    Args:
        model: What answers.
        names: Paths and addresses.

    Raises:
        ModelError: As in `answer_shard`.
        StorageError: None of the pictures with addresses could be fetched, and not because they do not exist.
    """
    classifier = _classifier(model)
    sources = _Sources(dict(model.options).get("max_bytes", DEFAULT_MAX_BYTES))
    yield from classifier.classify_many(sources.opened(names), batch_size=BATCH, workers=1)
    if sources.fetched == 0 and sources.unreachable:
        raise StorageError(f"no picture of this shard could be fetched: {sources.unreachable}")


class _Sources:
    """Opens pictures: local paths are left to the loader, objects are fetched a few ahead."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.fetched = 0
        self.unreachable: InputError | None = None

    def opened(self, names: Sequence[str]) -> Iterable[ImageSource | FailedInput]:
        if not any(map(is_address, names)):
            return names
        return map_in_order(self._open, names, READERS)

    def _open(self, name: str) -> ImageSource | FailedInput:
        if not is_address(name):
            self.fetched += 1
            return name
        try:
            picture = BytesIO(read_bytes(name, self._max_bytes))
        except FileNotFoundError:
            self.fetched += 1  # the store did answer
            return FailedInput(name, ImageNotFoundError(f"{name} does not exist"))
        except (OSError, ValueError) as error:
            self.unreachable = ImageDecodeError(f"{name} cannot be read: {reason(error)}")
            return FailedInput(name, self.unreachable)
        self.fetched += 1
        picture.name = name  # results and messages name it so
        return picture


@lru_cache(maxsize=1)  # a worker answers many shards of one job
def _classifier(model: Model) -> Classifier:
    if model.version != edge_infer.__version__:
        raise ClusterError(
            f"{platform.node()} has edge-infer {edge_infer.__version__}, the machine that began {model.version}: "
            "install the same on both"
        )
    with TemporaryDirectory() as folder:  # a classifier reads its file once
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.data)
        return Classifier(path, threads=1, **dict(model.options))


def _check_place(work: Work) -> None:
    for folder in (work.folder, work.witness):
        if folder is not None and not Path(folder).is_dir():
            raise ClusterError(f"{platform.node()} does not see {folder}: mount it there under the same path")
    if work.folder is not None:
        os.chdir(work.folder)

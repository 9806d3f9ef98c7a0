"""More pictures than one process, or one machine, should answer: `edge-infer bulk` and `classify_dataset`.

A job divides its pictures into shards, always in the same way. A worker answers a shard and writes one
Parquet file, whole or not at all; what has its file is done, so an interrupted job goes on where it was.

    storage   where pictures and answers lie: local paths, object stores
    names     which pictures are meant
    job       what a job is, and which answers are its own
    rows      answers as the columns of a table
    worker    one shard: open, answer, write
    cluster   shards to the workers of a Ray cluster
    totals    what the finished files say together
    pipeline  all of it, in order
    dataset   the same on a Ray dataset
"""

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from edge_infer.errors import BulkLibraryError

if TYPE_CHECKING:
    from edge_infer.bulk.dataset import classify_dataset

# What Ray reads when it is imported or started. It would report to its makers, while this package says that it works
# offline; warn of what another release will change; give itself too little time to start on a busy machine; and let
# its workers stand back for everything else that runs, which `edge-infer classify` does not.
for _name, _value in {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_niceness": "0",
}.items():
    os.environ.setdefault(_name, _value)

__all__ = ["check_installed", "classify_dataset"]


def check_installed() -> None:
    """Refuse to begin without the libraries of the extra `bulk`.

    Raises:
        BulkLibraryError: Ray or pyarrow is missing.
    """
    missing = [name for name in ("ray", "pyarrow") if find_spec(name) is None]
    if missing:
        raise BulkLibraryError(f'{" and ".join(missing)} not installed: pip install "edge-infer[bulk]"')


def __getattr__(name: str) -> Any:  # noqa: ANN401  # the type of the lazily imported name
    """Import Ray and pyarrow when they are first needed."""
    if name == "classify_dataset":
        check_installed()
        from edge_infer.bulk.dataset import classify_dataset

        return classify_dataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

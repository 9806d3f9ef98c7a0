"""Where computed things are kept between runs. Training uses it; answering needs no cache."""

import os
from pathlib import Path

from edge_infer.errors import OutputError

CACHE_VARIABLE = "EDGE_INFER_CACHE"


def default_cache() -> Path:
    """Return the cache folder: `EDGE_INFER_CACHE`, or `edge-infer` in the user's cache folder.

    Raises:
        OutputError: Neither is known.
    """
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-infer"
    except RuntimeError as error:  # no HOME, and no user of this number
        raise OutputError(f"this user has no home folder: give --cache DIR or set {CACHE_VARIABLE}") from error

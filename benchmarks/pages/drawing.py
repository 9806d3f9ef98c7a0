"""A figure of the docs, which says in itself from which results it was drawn."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

_KEY = "Source"  # one of the keywords that PNG defines


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a figure is drawn.

    Attributes:
        results: What it is drawn from, by name.
        draw: Draws it.
        dpi: Its resolution.
    """

    results: Mapping[str, Any]
    draw: Callable[[], Figure]
    dpi: int

    @property
    def source(self) -> str:
        """The names of the results, each with a digest of what it says."""
        return ", ".join(f"{name} sha256:{_digest(result)}" for name, result in self.results.items())

    def save(self, path: Path) -> None:
        """Draw and write a PNG that names its source."""
        self.draw().savefig(path, dpi=self.dpi, metadata={_KEY: self.source})


def source_of(path: Path) -> str | None:
    """Return the source that a PNG names."""
    with Image.open(path) as image:
        return image.info.get(_KEY)


def _digest(result: Any) -> str:  # noqa: ANN401  # JSON
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()[:16]

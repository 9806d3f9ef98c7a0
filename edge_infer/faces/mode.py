"""Whether a classifier of faces looks for them first; apart from what needs NumPy, for `--help`."""

from typing import Literal

FaceMode = Literal["auto", "always", "never"]

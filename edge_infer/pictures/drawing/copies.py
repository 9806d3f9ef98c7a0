"""A folder that takes a drawn copy of each picture and never replaces anything but its own."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.pictures.drawing.jpeg_files import write_jpeg
from edge_infer.pictures.drawing.marks import mark_of
from edge_infer.pictures.loading import ImageSource, load_rgb
from edge_infer.pictures.whole import open_as
from edge_infer.results import STDIN

_JPEG_QUALITY = 90


class DrawnCopies:
    """A folder that takes a copy of each picture, as `<name>-<kind>.jpg`.

    Pictures of the same name from different folders get a number. A copy from an earlier run,
    which a comment in the file marks, is replaced; nothing else ever is.

    Args:
        folder: Created when it does not exist.
        kind: What is drawn: `annotated` or `explained`.
        loading: `max_pixels`, `max_bytes` and `rotate`, as in `load_rgb`.

    Attributes:
        kind: What is drawn.

    Raises:
        OutputError: The folder cannot be created.
    """

    def __init__(self, folder: Path, kind: str, **loading: int) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"folder {folder} cannot be created: {error.strerror}") from error
        self._folder, self.kind = folder, kind
        self._mark = mark_of(kind)
        self._loading = loading
        self._taken: set[str] = set()

    def save(self, source: ImageSource, name: str | None, draw: Callable[[Image.Image], Image.Image]) -> Path:
        """Write the copy of a picture, whole or not at all.

        Args:
            source: The picture: anything `load_rgb` takes.
            name: What it is called: a path, `-` or None.
            draw: Makes the copy of the upright picture, mode RGB.

        Returns:
            The written file.

        Raises:
            InputError: The picture cannot be read, or no longer: it has gone or changed since it was answered.
            OutputError: The file cannot be written.
        """
        drawn = draw(load_rgb(source, **self._loading))
        path = self._free_path(Path(name or "picture").stem)
        write_jpeg(path, drawn, quality=_JPEG_QUALITY, comment=self._mark)
        return path

    def _free_path(self, stem: str) -> Path:
        stem = "stdin" if stem == STDIN else stem
        path, number = self._folder / f"{stem}-{self.kind}.jpg", 1
        while path.name.casefold() in self._taken or not _may_replace(path, self._mark):
            number += 1
            path = self._folder / f"{stem}-{self.kind}-{number}.jpg"
        self._taken.add(path.name.casefold())
        return path


def _may_replace(path: Path, mark: bytes) -> bool:
    """Return whether nothing is at `path`, or a copy from an earlier run.

    Raises:
        OutputError: Nothing can be at such a path, nor can it be looked at.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    try:
        return path.is_file() and open_as("JPEG", path.read_bytes()).info.get("comment") == mark
    except Exception:  # of whatever else is there, which is never replaced
        return False

"""Pictures that are written whole or not at all."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from edge_infer.atomic_files import write_atomic
from edge_infer.errors import OutputError


def write_jpeg(path: Path, image_rgb: Image.Image, *, quality: int, comment: bytes = b"") -> None:
    """Write a picture as a JPEG, replacing what is at `path`.

    Args:
        path: Where; nothing is there until the picture is whole.
        image_rgb: The picture.
        quality: libjpeg's, 1-95.
        comment: Text kept in the file.

    Raises:
        OutputError: It cannot be written.
    """
    # Into memory first: Pillow takes the short write of a disk that fills up for a whole one.
    encoded = BytesIO()
    try:
        image_rgb.save(encoded, "JPEG", quality=quality, comment=comment)
        write_atomic(path, lambda unfinished: unfinished.write_bytes(encoded.getvalue()), durable=False)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error

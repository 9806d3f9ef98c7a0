"""What an imported network answered when it was measured: kept in its run folder, so that export need not ask again.

It answers for the network that is there alone: the file holds the hashes of what decides it.
"""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from edge_infer.atomic_files import write_atomic
from train.data.photos import Photo, sha256_file
from train.errors import RunFolderError
from train.metrics import Floats

ANSWERS = "answers.npz"


def write_answers(folder: Path, decisive: Sequence[str], photos: Sequence[Photo], logits: Floats) -> None:
    """Keep a network's answers.

    Args:
        folder: The run folder.
        decisive: The names of its files that decide how the network answers.
        photos: The photos that it answered for.
        logits: Its answers, `float32 [N, classes]`.
    """
    network, names = _network(folder, decisive), [photo.sha256 for photo in photos]

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, network=network, photos=names, logits=logits)

    write_atomic(folder / ANSWERS, write)


def read_answers(folder: Path, decisive: Sequence[str], photos: Sequence[Photo]) -> Floats | None:
    """Read a network's answers.

    Args:
        folder: As in `write_answers`.
        decisive: Likewise.
        photos: The photos whose answers are wanted.

    Returns:
        `float32 [N, classes]`; None if they are not kept, or those of another network.

    Raises:
        RunFolderError: The file is damaged.
    """
    path = folder / ANSWERS
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as content:
            network, names, logits = (content[name] for name in ("network", "photos", "logits"))
        places = {name: place for place, name in enumerate(names.tolist())}
        wanted = [places.get(photo.sha256) for photo in photos]
        if network.tolist() != _network(folder, decisive) or None in wanted:
            return None
        return np.asarray(logits[wanted], np.float32)
    except (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile) as error:
        raise RunFolderError(f"{path} is damaged: {error}; without it, export asks the network anew") from error


def _network(folder: Path, decisive: Sequence[str]) -> list[str]:
    return [sha256_file(folder / name) for name in decisive]

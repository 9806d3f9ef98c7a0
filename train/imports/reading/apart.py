"""Read an HDF5 file in a process of its own: the library that decodes it may hang on a hostile file, or crash.

    python -m train.imports.reading.apart FILE FOLDER

The numbers come back through a file of plain arrays, the texts through JSON.
"""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np

import train
from train.errors import KerasFileError
from train.imports.reading.hdf5 import MAX_BYTES, Tree, read_tree

ROOT = Path(train.__file__).parents[1]  # where a process finds `train`, installed or not
CPU_S = 120
WAIT_S = 600  # by the clock, for a busy machine may stop a process for long
_MEMORY_BYTES = 3 * MAX_BYTES
_ARRAYS, _TEXTS, _ERROR = "arrays.npz", "texts.json", "error.txt"


def read_apart(path: Path, name: str) -> Tree:
    """Read an HDF5 file in a process of its own.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        KerasFileError: As `train.imports.reading.hdf5.read_tree`, or the library gave up.
    """
    with TemporaryDirectory() as folder:
        out = Path(folder)
        command = [sys.executable, "-m", "train.imports.reading.apart", str(path.resolve()), folder, name]
        reason = "the HDF5 library cannot read it"
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(  # noqa: S603  # our own command
                command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=WAIT_S, check=False
            )
            reason = (done.stderr.strip().splitlines() or [reason])[-1]
        if (out / _ERROR).exists():
            raise KerasFileError((out / _ERROR).read_text(encoding="utf-8"))
        try:
            texts = json.loads((out / _TEXTS).read_text(encoding="utf-8"))
            with np.load(out / _ARRAYS, allow_pickle=False) as arrays:
                found = {path: arrays[str(number)] for number, path in enumerate(texts["arrays"])}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise KerasFileError(f"{name} is damaged: {reason}") from error
    return Tree(found, {(path, key): tuple(value) for path, key, value in texts["texts"]})


def main() -> None:
    """Read the file that the arguments name and write what it holds, or why it cannot be read."""
    path, out, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    _limit()
    try:
        tree = read_tree(path, name)
    except KerasFileError as error:
        (out / _ERROR).write_text(str(error), encoding="utf-8")
        return
    with (out / _ARRAYS).open("wb") as file:
        np.savez(file, **{str(n): a for n, a in enumerate(tree.arrays.values())})  # type: ignore[arg-type]
    texts = [[path, key, value] for (path, key), value in tree.texts.items()]
    (out / _TEXTS).write_text(json.dumps({"arrays": list(tree.arrays), "texts": texts}), encoding="utf-8")


def _limit() -> None:
    """Bound time and memory where the system can."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the caller still stops waiting
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()

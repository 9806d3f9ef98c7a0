"""Put finished model files into the package: copy them and list them in the manifest."""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edge_infer.atomic_files import write_atomic
from edge_infer.model_file.opening import open_model
from edge_infer.model_file.registry import MODELS_DIR
from export.errors import BundleError
from train.files import write_json

MANIFEST = "manifest.json"
_NAME = re.compile("[a-z0-9][a-z0-9-]*")


def bundle(files: Sequence[Path], models: Path = MODELS_DIR) -> list[str]:
    """Bundle model files under the names they carry, replacing what was there under those names.

    Args:
        files: Files written by the export stage.
        models: The package's folder of models.

    Returns:
        The names, in order.

    Raises:
        ModelError: A file breaks the model-file contract; nothing is bundled then.
        BundleError: Two files have the same name, or one has a name that is not a file name.
    """
    opened = [open_model(path) for path in files]
    names = [file.metadata.name for file in opened]
    for name, file in zip(names, opened, strict=True):
        if not _NAME.fullmatch(name) or names.count(name) > 1:
            raise BundleError(
                f"{file.path} cannot be bundled as {name!r}: give each a name of its own, of a-z, 0-9 and -"
            )
    manifest = json.loads((models / MANIFEST).read_text(encoding="utf-8"))
    for file in opened:
        target = f"{file.metadata.name}.onnx"
        write_atomic(models / target, partial(Path.write_bytes, data=file.data))
        manifest["models"][file.metadata.name] = {
            "file": target,
            "sha256": hashlib.sha256(file.data).hexdigest(),
            "bytes": len(file.data),
            "licence": file.metadata.licence,
            "attribution": list(file.metadata.attribution),
        }
    manifest["models"] = dict(sorted(manifest["models"].items()))
    write_json(models / MANIFEST, manifest)
    return names

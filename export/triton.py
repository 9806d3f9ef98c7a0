"""A model repository for NVIDIA's Triton Inference Server, which KServe runs too.

The layout and the fields of `config.pbtxt` are those of Triton's documentation (model repository, model
configuration) and of its onnxruntime backend. The server gets pixels: `examples/triton_client.py` decodes and
resizes as this package does.
"""

import re
from pathlib import Path

from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile, open_model
from edge_infer.runtime.session import INPUT_NAME, KNOWN_NAME, OUTPUT_NAME
from export.errors import ModelNameError
from export.output import check_absent
from train.files import whole_folder

MAX_BATCH = 32
PREFERRED_BATCH = 8  # as many pictures as `edge-infer classify` takes at a time
QUEUE_DELAY_US = 2000  # a picture waits so long for others: less than most networks compute
LABELS_FILE = "labels.txt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write_repository(
    model: str | Path, repository: Path, *, instances: int
) -> tuple[Path, ModelFile[ClassifierMetadata]]:
    """Write a model's folder into a repository, whole or not at all.

    Args:
        model: Bundled name or model file.
        repository: The folder of models; it is made if it does not exist.
        instances: Copies of the model that answer side by side, with a thread each: one for each core.

    Returns:
        The model's folder, and the model.

    Raises:
        ModelError: No classifier of this package.
        ModelNameError: The model's name, or one of its labels, cannot stand there.
        OutputExistsError: The repository has a model of this name.
    """
    file = open_model(model, ClassifierMetadata)
    name, labels = file.metadata.name, file.metadata.labels
    if not _NAME.fullmatch(name):
        raise ModelNameError(f"{name!r} cannot name a folder of the repository: export the model with another --name")
    if broken := [label for label in labels if len(label.splitlines()) > 1]:
        raise ModelNameError(f"label {broken[0]!r} has several lines: Triton's label file holds one a line")
    folder = repository / name
    check_absent([folder], "repository")
    with whole_folder(folder) as unfinished:  # a server that watches the repository sees all of it
        (unfinished / "1").mkdir(parents=True)
        (unfinished / "1" / "model.onnx").write_bytes(file.data)
        (unfinished / LABELS_FILE).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        (unfinished / "config.pbtxt").write_text(config(file.metadata, instances), encoding="utf-8")
    return folder, file


def config(metadata: ClassifierMetadata, instances: int) -> str:
    """Return a model's configuration, a `ModelConfig` message as text."""
    spec = metadata.input
    fields = [
        f'name: "{metadata.name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {MAX_BATCH}",
        f'input [ {{ name: "{INPUT_NAME}" data_type: TYPE_UINT8 dims: [ {spec.height}, {spec.width}, 3 ] }} ]',
        f'output [ {{ name: "{OUTPUT_NAME}" data_type: TYPE_FP32 dims: [ {len(metadata.labels)} ]'
        f' label_filename: "{LABELS_FILE}" }} ]',
    ]
    if metadata.min_known is not None:  # it has no axis but the batch's, and `dims` may not be empty
        fields += [f'output [ {{ name: "{KNOWN_NAME}" data_type: TYPE_FP32 dims: [ 1 ] reshape {{ shape: [ ] }} }} ]']
    fields += [
        f"dynamic_batching {{ preferred_batch_size: [ {PREFERRED_BATCH} ]"
        f" max_queue_delay_microseconds: {QUEUE_DELAY_US} }}",
        f"instance_group [ {{ kind: KIND_CPU count: {instances} }} ]",
        'parameters { key: "intra_op_thread_count" value { string_value: "1" } }',
        'parameters { key: "inter_op_thread_count" value { string_value: "1" } }',
    ]
    return "\n".join(fields) + "\n"

"""A model that may be written: its graph, what it says of itself, and its answers for photos of the run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from edge_infer.model_file.metadata import ClassifierMetadata, WeightBits
from edge_infer.model_file.opening import ModelFile, open_model
from edge_infer.runtime.golden import golden_answers
from edge_infer.runtime.session import Session
from export.conversion.convert import with_metadata
from export.conversion.graph import check_graph
from export.conversion.int8 import quantize_classifier
from export.conversion.parity import Parity, Pixels
from export.conversion.quantize import WEIGHT_BITS
from train.progress import track


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may be written.

    Attributes:
        model: Without metadata.
        metadata: All but its accuracy.
        told: What else its report says.
        answers: Its probabilities for the photos that are compared, `float32 [N, C]`.
        known: How sure it is that each shows any of its classes, `float32 [N]`; None where the graph does not say.
    """

    model: onnx.ModelProto
    metadata: ClassifierMetadata
    told: dict[str, Any]
    answers: npt.NDArray[np.float32]
    known: npt.NDArray[np.float32] | None

    @property
    def certain(self) -> npt.NDArray[np.bool_]:
        """Which answers are certain, `bool [N]`."""
        certain: npt.NDArray[np.bool_] = self.answers.max(axis=1) >= self.metadata.min_score
        if self.known is None or self.metadata.min_known is None:
            return certain
        known: npt.NDArray[np.bool_] = self.known >= self.metadata.min_known
        return certain & known


def answered(
    model: onnx.ModelProto, metadata: ClassifierMetadata, told: dict[str, Any], pictures: Sequence[Pixels]
) -> Candidate:
    """Let a model answer for every photo, `uint8 [H, W, 3]` each, and for the golden pictures."""
    session = Session(opened(with_metadata(model, metadata)))
    outputs = [session.run(picture[np.newaxis]) for picture in track(pictures, "Classifying")]
    answers = np.concatenate([output.probabilities for output in outputs])
    known = [output.known for output in outputs if output.known is not None]
    metadata = replace(metadata, golden=golden_answers(session, metadata.input))
    return Candidate(model, metadata, told, answers, np.concatenate(known) if known else None)


def quantized(
    fp32: Candidate,
    pictures: Sequence[Pixels],
    calibration: Sequence[Pixels],
    weight_bits: WeightBits = WEIGHT_BITS,
) -> Candidate:
    """Quantize a converted model.

    Args:
        fp32: The converted model, which has answered for the pictures.
        pictures: Those that are compared.
        calibration: Some that it was trained on.
        weight_bits: As in `export.conversion.quantize.quantize`.
    """
    int8 = quantize_classifier(fp32.model, [picture[np.newaxis] for picture in calibration], weight_bits)
    check_graph(int8.model)
    told = {"layer_errors": int8.layer_errors, "layers_kept_in_float": list(int8.kept_float)}
    candidate = answered(int8.model, replace(fp32.metadata, precision="int8", weight_bits=weight_bits), told, pictures)
    # fp32 was compared with Keras; what int8 differs from is fp32.
    same = candidate.answers.argmax(axis=1) == fp32.answers.argmax(axis=1)
    largest = float(np.abs(candidate.answers - fp32.answers).max())
    if candidate.known is not None and fp32.known is not None:
        largest = max(largest, float(np.abs(candidate.known - fp32.known).max()))
    parity = Parity(len(pictures), largest, int(same.sum()))
    return replace(candidate, metadata=replace(candidate.metadata, parity=parity.to_record()))


def opened(content: bytes) -> ModelFile[ClassifierMetadata]:
    """Open a file's bytes the way a device does: through a file and every check of the loader."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(content)
        return open_model(path, ClassifierMetadata)

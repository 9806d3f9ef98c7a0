"""Classify pictures with small ONNX models, offline, on a CPU.

Example:
    >>> from edge_infer import Classifier
    >>> Classifier("gems.onnx").classify("photo.jpg").label
    'Amethyst'
"""

import os
from typing import TYPE_CHECKING, Any

# Since 1.29 onnxruntime reports to its maker, and keeps an identifier of the machine in the home
# folder, unless this is set before it is imported: this package says that it works offline.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from edge_infer.errors import CameraError, EdgeInferError, InputError, ModelError
from edge_infer.results import FacePrediction, FailedInput, LabelScore, Prediction

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier
    from edge_infer.explaining.explanation import ClassMap, Explanation
    from edge_infer.faces.detector import Face, FaceDetector

__version__ = "0.1.0"
__all__ = [
    "CameraError",
    "ClassMap",
    "Classifier",
    "EdgeInferError",
    "Explanation",
    "Face",
    "FaceDetector",
    "FacePrediction",
    "FailedInput",
    "InputError",
    "LabelScore",
    "ModelError",
    "Prediction",
    "__version__",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # the type of the lazily imported name
    """Import what needs numpy and onnxruntime when it is first asked for."""
    if name == "Classifier":
        from edge_infer.classifier import Classifier

        return Classifier
    if name in ("Face", "FaceDetector"):
        from edge_infer.faces import detector

        return getattr(detector, name)
    if name in ("ClassMap", "Explanation"):
        from edge_infer.explaining import explanation

        return getattr(explanation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

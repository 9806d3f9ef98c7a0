"""Classify pictures with small ONNX models, offline, on a CPU.

Example:
    >>> from edge_infer import Classifier
    >>> Classifier("gems.onnx").classify("photo.jpg").label
    'Amethyst'
"""

from typing import TYPE_CHECKING, Any

from edge_infer.errors import EdgeInferError, InputError, ModelError
from edge_infer.results import FailedInput, LabelScore, Prediction

if TYPE_CHECKING:
    from edge_infer.classifier import Classifier

__version__ = "0.1.0"
__all__ = [
    "Classifier",
    "EdgeInferError",
    "FailedInput",
    "InputError",
    "LabelScore",
    "ModelError",
    "Prediction",
    "__version__",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  # the type of the lazily imported name
    """Import the classifier, and numpy and onnxruntime with it, when it is first asked for."""
    if name == "Classifier":
        from edge_infer.classifier import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

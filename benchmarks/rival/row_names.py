"""What the rival's rows and files are called; imported by workers, so it imports nothing."""

from typing import Literal

Variant = Literal["fp32", "int8, 7-bit", "int8, 8-bit"]

FILES: dict[Variant, str] = {
    "fp32": "lite0-fp32.onnx",
    "int8, 7-bit": "lite0-int8-7bit.onnx",
    "int8, 8-bit": "lite0-int8-8bit.onnx",
}
FULL_FILE = "ours-full-fp32.onnx"
FULL_NETWORK, BUNDLED = "our full network, fp32", "our bundled gems, int8"
# The bundled file's base in float, with heads that are fitted anew in each fold: not what the file itself answers.
SLIM_NETWORK = "base of our bundled gems, new heads, fp32"


def rival_row(variant: Variant) -> str:
    """Return what a variant's row is called."""
    return f"EfficientNet-Lite0, {variant}"

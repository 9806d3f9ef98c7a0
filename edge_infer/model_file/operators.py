"""Which operators a model file may use: those of convolutional networks.

onnxruntime implements some two hundred. The others are left out because no exported
classifier needs them and each is one more thing that a hostile file could use: loops that
never end (`Loop`, `Scan`, `If`), tensors of any size out of a few bytes (`ConstantOfShape`,
`Range`, `Tile`), answers by chance (`RandomNormal`…), text, sequences and optionals.
"""

from edge_infer.errors import ModelFormatError
from edge_infer.model_file.onnx_wire import ModelSummary

OPERATORS = frozenset(
    {
        # layers
        *("Conv", "ConvTranspose", "Gemm", "MatMul", "AveragePool", "MaxPool", "GlobalAveragePool", "GlobalMaxPool"),
        *("BatchNormalization", "InstanceNormalization", "LayerNormalization", "LRN", "Dropout"),
        # activations
        *("Relu", "LeakyRelu", "PRelu", "Clip", "Elu", "Selu", "Sigmoid", "HardSigmoid", "HardSwish", "Softplus"),
        *("Softsign", "Tanh", "Softmax", "LogSoftmax", "Erf"),
        # arithmetic
        *("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Exp", "Log", "Sqrt", "Pow", "Reciprocal", "Min", "Max", "Sum"),
        *("Mean", "Floor", "Ceil", "Round", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"),
        *("Equal", "Less", "Greater", "And", "Or", "Not", "Where", "ArgMax"),
        # shapes and types
        *("Cast", "Constant", "Identity", "Shape", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"),
        *("Concat", "Split", "Slice", "Gather", "Pad", "DepthToSpace", "SpaceToDepth", "Resize"),
        # quantization
        *("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"),
        *("ConvInteger", "MatMulInteger"),
    }
)


def check_operators(summary: ModelSummary) -> None:
    """Refuse a model that is anything but a plain graph of known operators, whole in its file.

    Raises:
        ModelFormatError: External data, foreign or unknown operators, or extras.
    """
    if summary.has_external_data:
        raise ModelFormatError("it keeps weights in another file; only self-contained files are accepted")
    if summary.extras:
        raise ModelFormatError(f"it has {', '.join(sorted(summary.extras))}; only plain graphs are accepted")
    if foreign := sorted(summary.domains - {""}):
        raise ModelFormatError(f"it uses operators of {_some(foreign)}; only standard ONNX operators are accepted")
    if unknown := sorted(summary.operators - OPERATORS):
        raise ModelFormatError(f"it uses {_some(unknown)}; only operators of convolutional networks are accepted")


def _some(names: list[str]) -> str:
    """Quote a few names, none longer than a name would be: they may hold anything."""
    return ", ".join(repr(name[:60]) for name in names[:5]) + (", …" if len(names) > 5 else "")

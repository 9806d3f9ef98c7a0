"""How pixels are scaled before a network sees them: the ways that Keras' own models and most tutorials have."""

import re
from collections.abc import Sequence
from typing import Any, Literal

Scaling = Literal["caffe", "unit", "signed", "torch", "none"]
Channels = Literal["rgb", "bgr"]

# Mean of the ImageNet training set, RGB, 0-255 (keras.applications "caffe" mode).
CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)
# Deviation of the ImageNet training set, RGB, 0-1 (keras.applications "torch" mode), and its mean.
_TORCH_MEAN_RGB, _TORCH_DEVIATION_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# keras.applications: what preprocess_input of each module does.
_OF_MODULE: dict[str, Scaling] = {
    **dict.fromkeys(("vgg16", "vgg19", "resnet", "resnet50"), "caffe"),
    **dict.fromkeys(("mobilenet", "mobilenet_v2", "inception_v3", "inception_resnet_v2", "xception"), "signed"),
    **dict.fromkeys(("resnet_v2", "nasnet"), "signed"),
    "densenet": "torch",
    **dict.fromkeys(("efficientnet", "efficientnet_v2", "mobilenet_v3", "convnext"), "none"),
}


def is_usually_bgr(scaling: Scaling) -> bool:
    """Return whether networks whose pixels are scaled so usually have blue first, as keras.applications does."""
    return scaling == "caffe"


def scaling_constants(scaling: Scaling) -> tuple[Sequence[float], Sequence[float]]:
    """Return by what RGB pixels 0-255 are multiplied, and what is added then, for each channel."""
    match scaling:
        case "caffe":
            return (1.0, 1.0, 1.0), tuple(-mean for mean in CAFFE_MEAN_RGB)
        case "unit":
            return (1 / 255, 1 / 255, 1 / 255), (0.0, 0.0, 0.0)
        case "signed":
            return (1 / 127.5, 1 / 127.5, 1 / 127.5), (-1.0, -1.0, -1.0)
        case "torch":
            scale = tuple(1 / (255 * deviation) for deviation in _TORCH_DEVIATION_RGB)
            pairs = zip(_TORCH_MEAN_RGB, _TORCH_DEVIATION_RGB, strict=True)
            return scale, tuple(-mean / deviation for mean, deviation in pairs)
        case _:
            return (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


def known_function(config: dict[str, Any]) -> Scaling | None:
    """Return what a Lambda does, where its function's name and module say so; None where they do not.

    Only names are read: a Lambda that holds code has none.
    """
    function: Any = config.get("function")
    module: Any = config.get("module")
    if isinstance(function, dict) and function.get("class_name") == "function":
        function, module = function.get("config"), function.get("module")
    if function != "preprocess_input" or not isinstance(module, str):
        return None
    found = re.fullmatch(r"(?:tensorflow\.(?:python\.)?|tf_keras\.|keras\.|src\.)*applications\.(\w+)", module)
    return None if found is None else _OF_MODULE.get(found[1])

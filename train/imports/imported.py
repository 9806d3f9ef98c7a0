"""Somebody's Keras model as a network of ours: RGB pixels in, logits out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from edge_infer.model_file.metadata_fields import MAX_SIDE_PX
from train.errors import KerasFileError
from train.imports.reading import activations
from train.imports.reading.architecture import Leaf, Network, parse_architecture
from train.imports.reading.flow import Flow
from train.imports.reading.hdf5 import Array
from train.imports.reading.keras_file import KerasFile, read_keras_file
from train.imports.reading.layers import numbers
from train.imports.reading.rebuild import Rebuilder
from train.imports.scaling import CAFFE_MEAN_RGB, Scaling, scaling_constants
from train.networks.network import BinaryLogits

CORE = "core"  # the rebuilt network, inside the one that scales its pixels
_SUM_TOLERANCE = 1e-3
_LEAST = 1e-30  # under it a probability is none
_PROBES = 4
_SCALED = 5.0  # the largest value that a scaling to deviations leaves of a pixel, or nearly

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Imported:
    """A rebuilt network.

    Attributes:
        core: `[N, H, W, C]`, scaled as it was trained -> logits `[N, classes]`, whose softmax are its answers.
        classes: How many answers it gives: two for one sigmoid unit.
        ending: What its file ends in: `softmax`, `sigmoid` (of one unit), `logits`, or `probabilities` that no last
            activation makes.
    """

    core: keras.Model
    classes: int
    ending: str

    @property
    def size(self) -> Size:
        """Height and width of its input, pixels."""
        _, height, width, _ = self.core.input_shape
        return height, width


def import_model(
    path: Path,
    *,
    architecture: Path | None = None,
    output: str | None = None,
    size: Size | None = None,
    leave_out: Iterable[str] = (),
) -> Imported:
    """Read a saved Keras model and rebuild it.

    Args:
        path: The file, as in `train.imports.reading.keras_file.read_keras_file`.
        architecture: Likewise.
        output: The output that is the answer, for a model of several: its name, or that of the layer that gives it.
        size: Height and width of the input, for a model that takes any.
        leave_out: As in `Rebuilder`.

    Raises:
        KerasFileError: It cannot be read, is not made of layers that are rebuilt, or is not a classifier of pictures.
    """
    return rebuild(read_keras_file(path, architecture), output=output, size=size, leave_out=leave_out)


def rebuild(
    file: KerasFile, *, output: str | None = None, size: Size | None = None, leave_out: Iterable[str] = ()
) -> Imported:
    """Rebuild a model that was read; arguments and errors as in `import_model`."""
    network = parse_architecture(file.architecture, file.name)
    if len(network.inputs) != 1:
        raise KerasFileError(f"{file.name} takes {len(network.inputs)} inputs: only models of one picture are read")
    (height, width), is_first = _input_size(network, size, file.name)
    rebuilder = Rebuilder(file, leave_out)
    image = keras.Input((height, width, 3))
    flows = rebuilder.apply(network, [Flow(image, is_first)])
    answer = _chosen([flows[ref] for ref in network.outputs], network, output, file.name)
    ending, tensor = _ending(answer, file.name)
    core = keras.Model(image, tensor, name=CORE)
    rebuilder.set_weights(network)
    if ending == "logits" and _are_probabilities(core):
        ending, tensor = "probabilities", ops.log(ops.maximum(tensor, _LEAST))
        core = keras.Model(image, tensor, name=CORE)
    return Imported(core, int(core.output_shape[-1]), ending)


def network_of(
    imported: Imported, scaling: Scaling, *, is_bgr: bool, order: Sequence[int] | None = None
) -> keras.Model:
    """Return the network that takes pictures as they are.

    Args:
        imported: The rebuilt network; its first kernel may be turned to RGB in place, so ask once.
        scaling: How its pixels were scaled.
        is_bgr: Whether it was trained on blue, green, red.
        order: For each class, its output; None for the outputs' own order.

    Returns:
        `[N, H, W, 3]` RGB pixels 0-255 -> logits `[N, classes]`.
    """
    image = keras.Input((*imported.size, 3), name="image_rgb")
    logits = imported.core(scale_pixels(image, scaling, is_bgr=is_bgr and not _turn_first_kernel(imported.core)))
    if order is not None and list(order) != sorted(order):
        logits = ops.take(logits, list(order), axis=-1)
    return keras.Model(image, logits, name="imported")


def scales_by_itself(core: keras.Model) -> bool:
    """Return whether a network scales pixels 0-255 itself, as one with a Rescaling in it does.

    Its first weights are then given what the usual scalings make of black and white. What arithmetic on pixels
    that were scaled before makes of them is something else.
    """
    first = next((layer for layer in core.layers if layer.weights), None)
    if first is None or isinstance(first.input, list):
        return False
    black_and_white = np.stack([np.full(core.input_shape[1:], value, np.float32) for value in (0, 255)])
    given = keras.Model(core.input, first.input).predict(black_and_white, verbose=0)
    low, high = float(given.min()), float(given.max())
    is_around_zero = max(-low, high) <= _SCALED
    lacks_mean = abs(low + max(CAFFE_MEAN_RGB)) < 1 and abs(high - 255 + min(CAFFE_MEAN_RGB)) < 1
    return is_around_zero or lacks_mean


def scale_pixels(image: keras.KerasTensor, scaling: Scaling, *, is_bgr: bool) -> keras.KerasTensor:
    """Scale RGB pixels 0-255 `[N, H, W, 3]` in a network, and turn them to blue, green, red if wanted."""
    if scaling != "none":
        scale, offset = scaling_constants(scaling)
        image = keras.layers.Rescaling(numbers(scale), numbers(offset), name="preprocess")(image)
    return ops.take(image, [2, 1, 0], axis=-1) if is_bgr else image


def scaled(batch_rgb: npt.NDArray[np.uint8], scaling: Scaling, *, is_bgr: bool) -> Array:
    """Scale RGB pixels 0-255 `[N, H, W, 3]` as `scale_pixels` does, `float32`."""
    scale, offset = (np.asarray(values, np.float32) for values in scaling_constants(scaling))
    pixels: Array = batch_rgb.astype(np.float32) * scale + offset
    return np.ascontiguousarray(pixels[..., ::-1]) if is_bgr else pixels


def _input_size(network: Network, size: Size | None, file: str) -> tuple[Size, bool]:
    (entrance,) = network.inputs
    layer = network.layers.get(entrance.layer)
    config = layer.config if isinstance(layer, Leaf) else {}
    shape = config.get("batch_shape") or config.get("batch_input_shape") or [None, None, None, 3]
    if not isinstance(shape, list) or len(shape) != 4:
        raise KerasFileError(f"{file} takes an input of shape {shape}: only pictures are classified")
    sides = shape[1:]
    is_first = sides[0] in (1, 3) and sides[2] not in (1, 3)
    channels, *own = sides if is_first else (sides[2], sides[0], sides[1])
    if channels != 3:
        raise KerasFileError(f"{file} takes pictures of {channels} channels: only models of colour pictures are read")
    if size is None and not all(own):
        raise KerasFileError(f"{file} takes pictures of any size: give the one it was trained on with --size")
    if size is not None and any(side not in (None, given) for side, given in zip(own, size, strict=True)):
        raise KerasFileError(f"{file} takes pictures of {own[0]}x{own[1]} pixels: leave out --size")
    height, width = size or own
    if not all(isinstance(side, int) and 1 <= side <= MAX_SIDE_PX for side in (height, width)):
        raise KerasFileError(f"{file} takes pictures of {height}x{width} pixels, which are none that can be given")
    return (height, width), is_first


def _chosen(flows: Sequence[Flow], network: Network, output: str | None, file: str) -> Flow:
    layers = [ref.layer for ref in network.outputs]
    names = network.output_names or layers
    listed = ", ".join(names)
    if output is None:
        if len(flows) > 1:
            raise KerasFileError(f"{file} has several outputs, {listed}: give the one that answers with --output")
        return flows[0]
    for flow, known_as in zip(flows, zip(names, layers, strict=True), strict=True):
        if output in known_as:
            return flow
    raise KerasFileError(f"{file} has no output {output!r}: --output takes one of {listed}")


def _ending(answer: Flow, file: str) -> tuple[str, keras.KerasTensor]:
    """Return what a model ends in, and its logits."""
    activation, tensor = answer.before or ("logits", answer.tensor)
    shape = tuple(tensor.shape)
    if len(shape) == 4 and shape[1:3] == (1, 1):
        tensor = keras.layers.Reshape((shape[3],))(tensor)
    elif len(shape) != 2 or not shape[1]:
        raise KerasFileError(f"{file} gives an output of shape {list(shape[1:])}: it is not a classifier")
    units = int(shape[-1])
    if activation == activations.SIGMOID and units > 1:
        raise KerasFileError(
            f"{file} answers each of {units} classes by itself (sigmoid): only models that choose one class are read"
        )
    if activation == activations.SOFTMAX and units == 1:
        raise KerasFileError(f"{file} ends in a softmax of one unit, which is always 1: it answers nothing")
    if activation not in (activations.SOFTMAX, activations.SIGMOID, "logits"):
        raise KerasFileError(f"{file} ends in {activation}: only softmax, one sigmoid unit or logits are answers")
    return activation, BinaryLogits(name="binary_logits")(tensor) if units == 1 else tensor


def _are_probabilities(core: keras.Model) -> bool:
    """Return whether outputs that no last activation makes are probabilities all the same."""
    probes = np.random.default_rng(0).uniform(0, 255, (_PROBES, *core.input_shape[1:])).astype(np.float32)
    answers = core.predict(probes, verbose=0)
    return bool((answers >= 0).all() and (np.abs(answers.sum(axis=1) - 1) < _SUM_TOLERANCE).all())


def _turn_first_kernel(core: keras.Model) -> bool:
    """Let a network trained on BGR read RGB: exact, and free, where a convolution reads the picture.

    Returns:
        False if something else reads it.
    """
    readers = [layer for layer in core.layers if any(tensor is core.input for tensor in _inputs(layer))]
    while len(readers) == 1 and isinstance(readers[0], keras.layers.ZeroPadding2D):
        readers = [layer for layer in core.layers if any(tensor is readers[0].output for tensor in _inputs(layer))]
    if len(readers) != 1 or not isinstance(readers[0], keras.layers.Conv2D) or readers[0].groups != 1:
        return False
    kernel, *bias = readers[0].get_weights()  # [h, w, in, out]
    readers[0].set_weights([kernel[:, :, ::-1], *bias])
    return True


def _inputs(layer: keras.layers.Layer) -> list[keras.KerasTensor]:
    if isinstance(layer, keras.layers.InputLayer):
        return []
    return list(layer.input) if isinstance(layer.input, list) else [layer.input]

"""Which of a file's arrays belong to which layer: by path, by name, or in the order Keras writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from train.errors import KerasFileError
from train.imports.reading.architecture import Leaf, Network
from train.imports.reading.hdf5 import Array, Tree

_NOT_TRAINED = frozenset({"moving_mean", "moving_variance", "mean", "variance", "count"})
_NAMES = _NOT_TRAINED | {"kernel", "bias", "gamma", "beta", "pointwise_kernel", "alpha"}
_SAME = {"depthwise_kernel": "kernel"}  # Keras 3's name for it


@dataclass(frozen=True, slots=True)
class Wanted:
    """A weight that a rebuilt layer has.

    Attributes:
        layer: The layer.
        name: The weight's own name, such as `kernel`.
        shape: Its shape.
    """

    layer: Leaf
    name: str
    shape: tuple[int, ...]


def find_weights(
    network: Network, wanted: Mapping[tuple[str, ...], Sequence[Wanted]], tree: Tree, file: str
) -> dict[tuple[str, ...], list[Array]]:
    """Find each layer's arrays.

    Args:
        network: The outermost network.
        wanted: What each layer's weights are, in Keras' order, by the layer's path.
        tree: The weights' file.
        file: What messages call it.

    Returns:
        Arrays in the same order, by the layer's path.

    Raises:
        KerasFileError: The file lacks some, or has them in other shapes.
    """
    for prefix in ("model_weights", ""):
        if tree.names(prefix, "layer_names") is not None:
            return _by_group(network, wanted, tree, prefix, file)
    return {path: [_stored(tree, weight, i, file) for i, weight in enumerate(own)] for path, own in wanted.items()}


def _stored(tree: Tree, weight: Wanted, number: int, file: str) -> Array:
    """Return a weight of a file in which each layer has a group of numbered arrays."""
    path = f"{weight.layer.store}/vars/{number}"
    if path not in tree.arrays:
        path = f"_layer_checkpoint_dependencies/{weight.layer.name}/vars/{number}"  # Keras 2.12
    array = tree.arrays.get(path)
    told = tree.texts.get((path.rsplit("/", 1)[0], "name"))
    if array is None or (told is not None and told[0] != weight.layer.name):
        raise _lacks(file, weight)
    return _checked(array, weight, file)


def _by_group(
    network: Network, wanted: Mapping[tuple[str, ...], Sequence[Wanted]], tree: Tree, prefix: str, file: str
) -> dict[tuple[str, ...], list[Array]]:
    """Return the weights of a file in which each layer of the outermost network has a list of names."""
    found: dict[tuple[str, ...], list[Array]] = {}
    for name, layer in network.layers.items():
        leaves = [layer] if isinstance(layer, Leaf) else list(layer.leaves())
        own = [weight for leaf in leaves for weight in wanted.get(leaf.path, ())]
        if not own:
            continue
        group = f"{prefix}/{name}".lstrip("/")
        names = tree.names(group, "weight_names")
        if names is None:
            raise _lacks(file, own[0])
        arrays = [(each, tree.arrays.get(f"{group}/{each}")) for each in names]
        stored = [(each, array) for each, array in arrays if array is not None]
        matched = _matched(own, stored)
        if matched is None:
            raise KerasFileError(
                f"{file} is damaged: the weights of {name!r} are not those of its layers ({len(stored)} of {len(own)})"
            )
        for weight, array in zip(own, matched, strict=True):
            found.setdefault(weight.layer.path, []).append(_checked(array, weight, file))
    return found


def _matched(own: list[Wanted], stored: list[tuple[str, Array]]) -> list[Array] | None:
    """Return the arrays that layers of one group want, in their order; None if they are not told apart."""
    named = _by_name(own, stored)
    if named is not None:
        return named
    stored = [(name, array) for name, array in stored if _last(name) != "count"]
    # What is trained comes first, then the rest; of a frozen network, layer by layer.
    trained = [weight.layer.is_trainable and weight.name not in _NOT_TRAINED for weight in own]
    for order in (sorted(range(len(own)), key=lambda i: not trained[i]), list(range(len(own)))):
        if len(stored) == len(own) and all(
            array.shape == own[i].shape and _may_be(name, own[i])
            for i, (name, array) in zip(order, stored, strict=True)
        ):
            placed = dict(zip(order, (array for _, array in stored), strict=True))
            return [placed[i] for i in range(len(own))]
    return None


def _by_name(own: list[Wanted], stored: list[tuple[str, Array]]) -> list[Array] | None:
    """Match by `layer/weight` at the end of a stored name, if that tells all of them apart."""
    by_name: dict[tuple[str, str], list[Array]] = {}
    for name, array in stored:
        for weight in {(weight.layer.name, weight.name) for weight in own if _is_named(name, weight)}:
            by_name.setdefault(weight, []).append(array)
    chosen = [by_name.get((weight.layer.name, weight.name), []) for weight in own]
    if any(len(arrays) != 1 for arrays in chosen):
        return None
    arrays = [found[0] for found in chosen]
    fits = all(array.shape == weight.shape for array, weight in zip(arrays, own, strict=True))
    return arrays if fits and len({id(array) for array in arrays}) == len(own) else None


def _is_named(stored: str, weight: Wanted) -> bool:
    head, _, _ = stored.rpartition("/")
    return _last(stored) == _last(weight.name) and (head == weight.layer.name or head.endswith(f"/{weight.layer.name}"))


def _last(name: str) -> str:
    last = name.rsplit("/", 1)[-1].split(":")[0]
    return _SAME.get(last, last)


def _may_be(stored: str, weight: Wanted) -> bool:
    """Return whether a stored name is the weight's, or says nothing, such as `Variable` or `param_3`."""
    return _last(stored) == _last(weight.name) or _last(stored) not in _NAMES


def _checked(array: Array, weight: Wanted, file: str) -> Array:
    if array.shape != weight.shape:
        raise KerasFileError(
            f"{file} is damaged: {weight.name} of layer {weight.layer.name!r} has shape {list(array.shape)}, "
            f"not {list(weight.shape)}"
        )
    if not np.isfinite(array).all():
        raise KerasFileError(f"{file} cannot be used: {weight.name} of layer {weight.layer.name!r} is not finite")
    return array


def _lacks(file: str, weight: Wanted) -> KerasFileError:
    return KerasFileError(f"{file} is damaged: it lacks the weights of layer {weight.layer.name!r}")

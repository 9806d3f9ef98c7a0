"""A tensor between rebuilt layers, and how its axes lie in the file."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import keras

_TO_LAST, _TO_FIRST = (2, 3, 1), (3, 1, 2)
_numbers = count(1)


def channels_to_last(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """Reorder `[N, C, H, W]` to `[N, H, W, C]`."""
    return _permuted(tensor, _TO_LAST)


def channels_to_first(tensor: keras.KerasTensor) -> keras.KerasTensor:
    """Reorder `[N, H, W, C]` to `[N, C, H, W]`."""
    return _permuted(tensor, _TO_FIRST)


def _permuted(tensor: keras.KerasTensor, axes: tuple[int, int, int]) -> keras.KerasTensor:
    # With a dot, as no layer that is rebuilt and none that Keras names itself has it.
    return keras.layers.Permute(axes, name=f"reordered._{next(_numbers)}")(tensor)


@dataclass(frozen=True, slots=True)
class Flow:
    """A tensor on its way.

    Attributes:
        tensor: `[N, H, W, C]`, or with fewer axes.
        is_first: In the file, its channels come before height and width.
        before: The name of the activation that made it, and what that was given; None if none made it.
    """

    tensor: keras.KerasTensor
    is_first: bool = False
    before: tuple[str, keras.KerasTensor] | None = None

    @property
    def is_map(self) -> bool:
        """Whether it has height and width."""
        return len(self.tensor.shape) == 4

    def as_stored(self) -> "Flow":
        """Return the tensor with its axes as the file's layers see them."""
        return Flow(channels_to_first(self.tensor)) if self.is_first else self


def alike(flows: Sequence[Flow]) -> list[Flow]:
    """Bring tensors into one order of axes."""
    if len({flow.is_first for flow in flows if flow.is_map}) < 2:
        return list(flows)
    return [flow.as_stored() for flow in flows]

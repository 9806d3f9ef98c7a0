"""A parsed architecture and its numbers -> a fresh Keras network in float32, channels last, nested networks unfolded.

Nothing of the file decides which code runs: its layers' names pick from the tables of `layers`, `activations` and
`operations`, and what these tables do not have is refused.
"""

import math
from collections.abc import Iterable, Sequence

from train.errors import KerasFileError
from train.imports.reading.architecture import Call, Network, Ref
from train.imports.reading.flow import Flow
from train.imports.reading.keras_file import KerasFile
from train.imports.reading.leaves import LeafBuilder
from train.imports.reading.weights import find_weights

MAX_ELEMENTS = 2**28  # of one layer's output for one picture


class Rebuilder:
    """Rebuilds the network of one file.

    Args:
        file: The file.
        leave_out: Names of layers that are left out, and pass on what they are given.
    """

    def __init__(self, file: KerasFile, leave_out: Iterable[str] = ()) -> None:
        self._file = file
        self._leaves = LeafBuilder(file)
        self._leave_out = frozenset(leave_out)
        self._left_out: set[str] = set()

    def apply(self, network: Network, inputs: Sequence[Flow]) -> dict[Ref, Flow]:
        """Apply a network to tensors.

        Returns:
            What each of its outputs is.

        Raises:
            KerasFileError: It does not hold together, or has a layer that is not rebuilt.
        """
        flows = dict(zip(network.inputs, inputs, strict=True))
        counts: dict[str, int] = {}
        pending: list[tuple[Call, int]] = []
        for call in network.calls:
            number = counts.get(call.layer, 0)
            counts[call.layer] = number + 1
            if Ref(call.layer, number) not in flows:
                pending.append((call, number))
        while pending:
            ready = [(call, n) for call, n in pending if call.inputs and all(ref in flows for ref in call.inputs)]
            if not ready:
                raise self._damaged(f"layer {pending[0][0].layer!r} reads what no layer gives")
            for call, number in ready:
                given = [flows[ref] for ref in call.inputs]
                for output, flow in enumerate(self._call(network, call, given)):
                    flows[Ref(call.layer, number, output)] = flow
            done = {id(call) for call, _ in ready}
            pending = [item for item in pending if id(item[0]) not in done]
        if missing := [ref for ref in network.outputs if ref not in flows]:
            raise self._damaged(f"its output {missing[0].layer!r} is not a layer")
        return {ref: flows[ref] for ref in network.outputs}

    def set_weights(self, network: Network) -> None:
        """Put the file's numbers into the layers.

        Raises:
            KerasFileError: They are not those of the layers, or an option names a layer that is not there.
        """
        if unknown := self._leave_out - self._left_out:
            raise KerasFileError(f"{self._file.name} has no layer {min(unknown)!r}: --leave-out takes a layer's name")
        found = find_weights(network, self._leaves.wanted, self._file.tree, self._file.name)
        for path, arrays in found.items():
            self._leaves.layers[path].set_weights(arrays)

    def _call(self, network: Network, call: Call, given: list[Flow]) -> Sequence[Flow]:
        layer = network.layers.get(call.layer)
        if layer is None:
            raise self._damaged(f"layer {call.layer!r} is not there")
        if call.layer in self._leave_out:
            self._left_out.add(call.layer)
            return given[:1]
        if isinstance(layer, Network):
            if len(given) != len(layer.inputs):
                raise self._damaged(f"{call.layer!r} is given {len(given)} tensors and takes {len(layer.inputs)}")
            return list(self.apply(layer, given).values())
        try:
            made = self._leaves.apply(layer, call, given)
        except KerasFileError:
            raise
        except Exception as error:  # Keras raises many kinds for settings that do not fit
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise KerasFileError(
                f"{self._file.name}: layer {layer.name!r} ({layer.kind}) does not fit: {reason}"
            ) from error
        if math.prod(side or 1 for side in made.tensor.shape) > MAX_ELEMENTS:
            raise KerasFileError(f"{self._file.name} is refused: layer {layer.name!r} gives {list(made.tensor.shape)}")
        return [made]

    def _damaged(self, what: str) -> KerasFileError:
        return KerasFileError(f"{self._file.name} is damaged: {what}")

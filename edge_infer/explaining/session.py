"""A second session of the same model, which also says what the answer was made of.

The file stays as it is: values that its graph computes anyway are named as outputs in a copy in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_infer.errors import ModelOutputError
from edge_infer.explaining.attribution import Divided, Floats, Reasons
from edge_infer.explaining.head import find_head, find_known
from edge_infer.explaining.known import divide_known, energy_of
from edge_infer.explaining.reading import HeadReader, NotDivisibleError, Values, probed
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.onnx_graph import read_graph, with_outputs
from edge_infer.model_file.opening import ModelFile
from edge_infer.runtime.golden import golden_pictures
from edge_infer.runtime.outputs import Outputs, checked
from edge_infer.runtime.session import INPUT_NAME, KNOWN_NAME, OUTPUT_NAME, first_line, start_session
from edge_infer.settings import Settings

_TOLERANCE = 1e-3
_PROBES = 2  # drawn pictures that a full VGG16 takes a second for
_LEAST_CORRELATION = 0.9  # of logits and log probabilities: int8 may have rounded the logits in between


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """An answer and its reasons, over the places of the network's input.

    Attributes:
        classes: The logits of the classes, and maybe more behind them.
        known: The log odds of `known`; None where the model does not say it, or not in a form that can be divided.
    """

    classes: Reasons
    known: Divided | None


class ExplainedSession:
    """A loaded classifier whose answers are divided over places, exactly. Safe to share between threads.

    Args:
        model: A checked model file.
        settings: How it is run.

    Raises:
        NotDivisibleError: Its head cannot be divided.
        ModelError: As in `edge_infer.runtime.session.start_session`.
    """

    def __init__(self, model: ModelFile[ClassifierMetadata], settings: Settings) -> None:
        graph = read_graph(model.data)
        if not graph.is_ordered:  # the search could go round in a cycle
            raise NotDivisibleError
        try:
            head, known = find_head(graph), find_known(graph)
        except (IndexError, KeyError, ValueError) as error:  # a node lacks inputs, which onnxruntime will say
            raise NotDivisibleError from error
        if head is None:
            raise NotDivisibleError
        names = list(probed(head))
        if known is not None:
            names += [*probed(known.head), known.energy, known.familiar, *([known.scale] if known.scale else [])]
        names = list(dict.fromkeys(names))
        self._session = start_session(replace(model, data=with_outputs(model.data, names)), **settings.inference)
        self._answer = [OUTPUT_NAME, *([KNOWN_NAME] if model.metadata.min_known is not None else [])]
        self._classes = len(model.metadata.labels)
        probe = self._run([*names, OUTPUT_NAME], golden_pictures(model.metadata.input)[:_PROBES])
        self._head = HeadReader(head, probe)
        _check_order(probe[head.logits], probe[OUTPUT_NAME])
        self._known: HeadReader | None = None
        if known is not None and probe[known.head.logits].shape[1] == self._classes + 2:
            self._scale = 1.0 if known.scale is None else float(probe[known.scale].reshape(()))
            u = probe[known.head.logits]
            energies = np.array([energy_of(row, self._scale) for row in u])
            for found, value in ((energies, probe[known.energy]), (u[:, -1], probe[known.familiar])):
                if np.abs(found - value).max() > _TOLERANCE * max(1, np.abs(value).max()):
                    break
            else:
                self._known = HeadReader(known.head, probe)
        readers = [self._head, *([self._known] if self._known else [])]
        self._values = list(dict.fromkeys(name for reader in readers for name in reader.values))

    def run(self, batch_nhwc: npt.NDArray[np.uint8]) -> tuple[Outputs, list[Attribution]]:
        """Classify a batch and divide each answer.

        Args:
            batch_nhwc: `uint8 [N, H, W, 3]`, RGB.

        Raises:
            ModelOutputError: As in `edge_infer.runtime.session.Session.run`.
        """
        values = self._run([*self._answer, *self._values], batch_nhwc)
        outputs = checked(values[OUTPUT_NAME], values.get(KNOWN_NAME), len(batch_nhwc), self._classes)
        return outputs, [self._attribution(values, picture) for picture in range(len(batch_nhwc))]

    def _run(self, names: Sequence[str], batch_nhwc: npt.NDArray[np.uint8]) -> dict[str, Floats]:
        try:
            return dict(zip(names, self._session.run(list(names), {INPUT_NAME: batch_nhwc}), strict=True))
        except Exception as error:  # onnxruntime's error classes share no base of their own
            raise ModelOutputError(f"onnxruntime could not run the model: {first_line(error)}") from error

    def _attribution(self, values: Values, picture: int) -> Attribution:
        known = None if self._known is None else divide_known(self._known.read(values, picture), self._scale)
        return Attribution(self._head.read(values, picture), known)


def _check_order(logits: Floats, probabilities: Floats) -> None:
    """Check that the first logits are the classes', in order: their softmax is the answer, at whatever temperature.

    Raises:
        NotDivisibleError: They are not.
    """
    classes = probabilities.shape[1]
    if logits.shape[1] < classes:
        raise NotDivisibleError
    for row, answer in zip(logits[:, :classes], probabilities, strict=True):
        found, expected = row - row.mean(), np.log(np.maximum(answer, 1e-30))
        expected = expected - expected.mean()
        size = np.linalg.norm(found) * np.linalg.norm(expected)
        if size > 0 and float(found @ expected) < _LEAST_CORRELATION * size:
            raise NotDivisibleError

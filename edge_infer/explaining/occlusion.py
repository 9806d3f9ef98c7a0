"""Where a network looked, measured from outside: what happens to its answer when a part of the picture is covered.

For heads whose logits cannot be divided (Zeiler, Fergus 2014). Windows are covered with the picture's mean colour:
coarse ones first, then ones of a quarter of their size where those mattered most. The shares are differences of log
probabilities. They do not add up to them, since what two windows show may say the same.
"""

import numpy as np
import numpy.typing as npt

from edge_infer.explaining.attribution import Divided, Floats
from edge_infer.explaining.session import Attribution
from edge_infer.model_file.metadata import ClassifierMetadata
from edge_infer.model_file.opening import ModelFile
from edge_infer.runtime.outputs import Outputs
from edge_infer.runtime.session import Session
from edge_infer.settings import Settings

COARSE = 6  # windows along each side
REFINED = 9  # of the 36
_BATCH = 12
_LEAST = 1e-12  # a probability

Pixels = npt.NDArray[np.uint8]
Window = tuple[slice, slice]


class OcclusionSession:
    """A loaded classifier whose answers are explained by covering parts of the picture: 73 inferences each.

    Args:
        model: A checked model file.
        settings: How it is run.

    Raises:
        ModelError: As in `edge_infer.runtime.session.Session`.
    """

    def __init__(self, model: ModelFile[ClassifierMetadata], settings: Settings) -> None:
        self._session = Session(model, **settings.inference)

    def run(self, batch_nhwc: Pixels) -> tuple[Outputs, list[Attribution]]:
        """Classify a batch and explain each answer.

        Args:
            batch_nhwc: `uint8 [N, H, W, 3]`, RGB.

        Raises:
            ModelOutputError: As in `edge_infer.runtime.session.Session.run`.
        """
        outputs = self._session.run(batch_nhwc)
        return outputs, [self._explain(picture, row) for picture, row in zip(batch_nhwc, _values(outputs), strict=True)]

    def _explain(self, picture_rgb: Pixels, values: Floats) -> Attribution:
        """Explain the values of a picture: log probabilities, and the log odds of `known` if there is one."""
        height, width = picture_rgb.shape[:2]
        coarse = _windows(height, width, COARSE)
        drops = values - self._covered(picture_rgb, coarse)  # [windows, K]
        # Each coarse window's share lies on its four quarters, until they are measured.
        cells = np.repeat(np.repeat((drops / 4).reshape(COARSE, COARSE, -1), 2, axis=0), 2, axis=1)
        fine = _windows(height, width, 2 * COARSE)
        count = self._session.classes
        matters = np.argsort(-np.abs(drops[:, int(values[:count].argmax())]), kind="stable")[:REFINED]
        chosen = [
            (2 * (window // COARSE) + row, 2 * (window % COARSE) + column)
            for window in matters.tolist()
            for row in (0, 1)
            for column in (0, 1)
        ]
        covered = self._covered(picture_rgb, [fine[row * 2 * COARSE + column] for row, column in chosen])
        for (row, column), answer in zip(chosen, covered, strict=True):
            cells[row, column] = values - answer
        shares = np.ascontiguousarray(cells.transpose(2, 0, 1), dtype=np.float32)
        known = Divided(values[count:], shares[count:], None) if count < len(values) else None
        return Attribution(Divided(values[:count], shares[:count], None), known)

    def _covered(self, picture_rgb: Pixels, windows: list[Window]) -> Floats:
        """Return the values with each window covered, `[windows, K]`."""
        colour = picture_rgb.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
        answers = []
        for start in range(0, len(windows), _BATCH):
            batch = np.stack([picture_rgb] * len(windows[start : start + _BATCH]))
            for covered, window in zip(batch, windows[start : start + _BATCH], strict=True):
                covered[window] = colour
            answers.append(_values(self._session.run(batch)))
        return np.concatenate(answers)


def _windows(height: int, width: int, count: int) -> list[Window]:
    rows, columns = (np.linspace(0, side, count + 1).round().astype(int).tolist() for side in (height, width))
    return [
        (slice(rows[i], rows[i + 1]), slice(columns[j], columns[j + 1])) for i in range(count) for j in range(count)
    ]


def _values(outputs: Outputs) -> Floats:
    logs = np.log(np.maximum(outputs.probabilities, _LEAST))
    if outputs.known is None:
        return logs
    known = np.clip(outputs.known, _LEAST, 1 - 1e-7)[:, np.newaxis]
    return np.concatenate([logs, np.log(known / (1 - known))], axis=1).astype(np.float32)

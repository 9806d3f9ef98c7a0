"""The state of a training after each whole epoch or round, kept so that an interruption costs one of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_infer.atomic_files import write_atomic
from train.files import read_json, write_json

if TYPE_CHECKING:
    import keras

History = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The last state of a training, and the history that says how many epochs or rounds it is from.

    Attributes:
        folder: Where they lie.
        name: What the state's file name starts with.
        history_name: The history's file name.
    """

    folder: Path
    name: str
    history_name: str

    def resume(self, model: "keras.Model") -> History:
        """Put a compiled model, its optimizer built, into the last state, if there is one.

        Returns:
            The figures so far, by epoch or round, `loss` among them; empty before the first.
        """
        if not (self.folder / self.history_name).exists():
            return {}
        history = self.history()
        model.load_weights(self._state(len(history["loss"])))
        return history

    def history(self) -> History:
        """Read the figures so far."""
        return read_json(self.folder / self.history_name, "loss")

    def keep(self, model: "keras.Model", history: History) -> None:
        """Write the state after an epoch or round, then its figures, then remove the state before it."""
        done = len(history["loss"])
        write_atomic(self._state(done), model.save_weights)
        write_json(self.folder / self.history_name, dict(history))
        self._state(done - 1).unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove the state, once the trained network itself is written; the history stays."""
        for path in self.folder.glob(f"{self.name}-*.weights.h5"):
            path.unlink()

    def _state(self, done: int) -> Path:
        return self.folder / f"{self.name}-{done}.weights.h5"

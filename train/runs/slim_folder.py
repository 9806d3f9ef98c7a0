"""The folder of a slim run: a run's files, and those of the steps that made the network slim."""

import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_infer.atomic_files import write_atomic
from train.errors import RunFolderError
from train.files import read_json, write_json
from train.runs.checkpoints import Checkpoints
from train.runs.folder import METRICS, RunFolder

if TYPE_CHECKING:
    import keras

SETTINGS = "slim.json"  # what it was started with
WIDTHS = "widths.json"  # how many channels each layer keeps
PRUNED = "pruned.weights.h5"  # the base on those channels
DISTILLATION = "distillation.json"  # the loss by round
DISTILLED = "distilled.weights.h5"  # the base, taught by the original
_CANDIDATE = "speedup-{speedup:g}"  # folders of speed-ups that are tried


class SlimFolder(RunFolder):
    """The folder of one slim run."""

    def check(self, *, resume: bool) -> None:
        """Refuse a folder that exists, unless it is a slim run to be finished.

        Raises:
            RunFolderError: It is one of these.
        """
        self.check_new(resume=resume)
        if self.path.exists() and not (self.path / SETTINGS).exists():
            raise RunFolderError(f"{self.path} is not a slim run: give a new folder")

    def note_settings(self, settings: dict[str, Any]) -> None:
        """Write all that decides the run.

        Raises:
            RunFolderError: It was started with other settings.
        """
        if (self.path / SETTINGS).exists():
            self.check_settings(SETTINGS, settings)
        write_json(self.path / SETTINGS, settings)

    def widths(self) -> tuple[int, ...] | None:
        """Read how many channels each layer keeps; None before that is chosen."""
        if not (self.path / WIDTHS).exists():
            return None
        return tuple(read_json(self.path / WIDTHS, "widths")["widths"])

    def write_pruned(
        self, base: "keras.Model", widths: Sequence[int], lost_variance: Mapping[str, Mapping[int, float]]
    ) -> None:
        """Write a pruned base, then how wide its layers are and what that costs.

        Args:
            base: The base.
            widths: Channels of each of its layers.
            lost_variance: Share of the readers' variance lost, by layer and number of channels.
        """
        write_atomic(self.path / PRUNED, base.save_weights)
        write_json(self.path / WIDTHS, {"widths": widths, "lost_variance": lost_variance})

    def load_pruned(self, base: "keras.Model") -> None:
        """Read the pruned base's weights."""
        base.load_weights(self.path / PRUNED)

    @property
    def distillation(self) -> Checkpoints:
        """The state of the distillation."""
        return Checkpoints(self.path, "distillation", DISTILLATION)

    @property
    def is_distilled(self) -> bool:
        """Whether the base is taught."""
        return (self.path / DISTILLED).exists()

    def write_distilled(self, base: "keras.Model") -> None:
        """Write the distilled base."""
        write_atomic(self.path / DISTILLED, base.save_weights)

    def load_distilled(self, base: "keras.Model") -> None:
        """Read the distilled base's weights."""
        base.load_weights(self.path / DISTILLED)

    def candidate(self, speedup: float) -> "SlimFolder":
        """Return the folder in which a speed-up is tried."""
        return SlimFolder(self.path / _CANDIDATE.format(speedup=speedup))

    def adopt(self, candidate: "SlimFolder") -> None:
        """Make a tried speed-up the result, and remove all that were tried."""
        # The metrics come last: a folder that has them is finished.
        for path in sorted(candidate.path.iterdir(), key=lambda path: path.name == METRICS):
            path.replace(self.path / path.name)
        for tried in self.path.glob("speedup-*"):
            shutil.rmtree(tried)

"""A run's folder: which files it holds, and how each is written and read.

Every artefact is written whole or not at all, so a run can be resumed: a step that finds its
artefact in the folder has nothing left to do, and an interruption costs the step it falls into.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_infer.atomic_files import write_atomic
from train.data.dataset import Dataset
from train.data.run_data import RunData
from train.data.splits import Split
from train.errors import DataError, RunFolderError
from train.files import read_json, write_json
from train.recipes import Recipe, recipe_from_json
from train.runs.checkpoints import Checkpoints

if TYPE_CHECKING:
    import keras  # a folder can be read without it

RECIPE = "recipe.json"  # what was to be done
DATA = "data.json"  # where the photos were, and which base weights
ELSEWHERE = "elsewhere"  # in it: which pictures were from elsewhere, and their groups
SPLIT = "split.json"  # which photo is for what
HISTORY = "history.json"  # loss and accuracy while training
WEIGHTS = "network.weights.h5"  # the trained network
FOLD = "fold-{number}.weights.h5"  # of a fine-tuned run: the blocks that learned without the photos of a fold
FOLD_HEAD = "fold-{number}.head.npz"  # the head that was fitted on them
FROZEN = "frozen.weights.h5"  # and the blocks that they started from
IMPORTED = "imported.json"  # of a network that was read from a Keras file: how
METRICS = "metrics.json"  # what it is worth; written last, so a folder that has it is finished
REPORT = "report.md"  # the metrics as a page
CURVES, EXAMPLES, CONFUSION = "curves.png", "examples.png", "confusion_{part}.png"  # its pictures


class RunFolder:
    """The folder of one run.

    Args:
        path: The folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def begin(cls, path: Path, recipe: Recipe, *, resume: bool = False) -> "RunFolder":
        """Return the folder for a run of a recipe; `start` creates it.

        Args:
            path: The folder.
            recipe: What is to be trained.
            resume: Continue a folder that exists.

        Raises:
            RunFolderError: The folder exists and `resume` is off, or it holds another recipe.
        """
        run = cls(path)
        if path.exists():
            run.check_new(resume=resume)
            run.check_settings(RECIPE, json.loads(json.dumps(asdict(recipe))))
        return run

    def check_new(self, *, resume: bool) -> None:
        """Refuse a folder that exists unless it is to be resumed.

        Raises:
            RunFolderError: It exists.
        """
        if self.path.exists() and not resume:
            raise RunFolderError(f"{self.path} exists: give a new folder, or --resume to finish that run")

    def check_settings(self, name: str, settings: dict[str, Any]) -> None:
        """Refuse a folder that was started with other settings than the ones in its file of a name.

        Raises:
            RunFolderError: It was, or it lacks the file.
        """
        if read_json(self.path / name) != settings:
            raise RunFolderError(
                f"{self.path} was started with other settings: resume with those, or give a new folder"
            )

    def start(self, recipe: Recipe, dataset: Dataset, base_weights: str) -> None:
        """Create the folder and note the recipe, where the photos are, and the base weights.

        Args:
            recipe: What is to be trained.
            dataset: The photos; slimming and export look for them where they are now.
            base_weights: `imagenet`, or the sha256 of the file.

        Raises:
            RunFolderError: The folder was started with other base weights, or other pictures from elsewhere.
        """
        foreign = {
            name: [str(folder.resolve()) for folder in folders]
            for name, folders in (("more", dataset.more), ("others", dataset.others))
            if folders
        }
        if (self.path / DATA).exists():
            if self.base_weights != base_weights:
                raise RunFolderError(f"{self.path} was started with other base weights: resume with those")
            noted = read_json(self.path / DATA)
            if {name: noted[name] for name in ("more", "others") if name in noted} != foreign:
                raise RunFolderError(f"{self.path} was started with another --more or --others: resume with those")
            self.check_elsewhere(dataset)
        write_json(self.path / RECIPE, asdict(recipe))
        test = dataset.test_folder
        places = {
            "data": str(dataset.folder.resolve()),
            "test": None if test is None else str(test.resolve()),
        }
        pictures: dict[str, Any] = {ELSEWHERE: dataset.elsewhere_digest} if foreign else {}
        if dataset.unlabelled_sources:
            pictures["unlabelled"] = dataset.unlabelled_sources
        write_json(self.path / DATA, {**places, **foreign, **pictures, "base_weights": base_weights})

    def check_elsewhere(self, dataset: Dataset) -> None:
        """Refuse other pictures from elsewhere than the run was started with: its folds would divide them otherwise.

        Raises:
            RunFolderError: Some were added, changed or removed.
        """
        noted = read_json(self.path / DATA).get(ELSEWHERE)
        if noted is not None and noted != dataset.elsewhere_digest:
            raise RunFolderError(
                f"the pictures of --more and --others are not those that {self.path} was started with: restore them, "
                "or start a new run"
            )

    @property
    def is_finished(self) -> bool:
        """Whether all of its artefacts are there."""
        return (self.path / METRICS).exists()

    @property
    def is_imported(self) -> bool:
        """Whether its network was read from a Keras file."""
        return (self.path / IMPORTED).exists()

    @property
    def recipe(self) -> Recipe:
        """What was trained.

        Raises:
            RunFolderError: It is missing or damaged.
        """
        try:
            return recipe_from_json(read_json(self.path / RECIPE))
        except (KeyError, TypeError) as error:
            raise RunFolderError(f"{self.path / RECIPE} is damaged: {error}") from error

    @property
    def base_weights(self) -> str:
        """The base weights that the run was started with, as `start` notes them."""
        return str(read_json(self.path / DATA, "base_weights")["base_weights"])

    def dataset(self, data: Path | None = None, test: Path | None = None, unlabelled: Sequence[str] = ()) -> Dataset:
        """Return the run's photos and those from elsewhere, by default where it found them.

        Args:
            data: Where they are now, if they have moved.
            test: Where the separate test photos are, likewise.
            unlabelled: As in `Dataset`.
        """
        noted = read_json(self.path / DATA, "data", "test")
        noted_test = Path(noted["test"]) if noted["test"] else None
        more, others = ([Path(folder) for folder in noted.get(name, [])] for name in ("more", "others"))
        return Dataset(data or Path(noted["data"]), test or noted_test, unlabelled, more, others)

    @property
    def split_path(self) -> Path:
        """Where the split lies."""
        return self.path / SPLIT

    def split(self) -> Split:
        """Read the split."""
        return Split(read_json(self.split_path, "parts")["parts"])

    def data(self, dataset: Dataset) -> RunData:
        """Return the run's photos with its split.

        Raises:
            DataError: They are gone or changed.
        """
        split = self.split()
        if {photo.sha256 for photo in dataset.photos} != split.parts.keys():
            raise DataError(
                f"{dataset.folder} does not hold the photos of {self.path}: give them with --data (and --test)"
            )
        return RunData(dataset, split)

    @property
    def checkpoints(self) -> Checkpoints:
        """The state of a training that goes epoch by epoch."""
        return Checkpoints(self.path, "checkpoint", HISTORY)

    def history(self) -> dict[str, list[float]]:
        """Read loss and accuracy while training."""
        return read_json(self.path / HISTORY)

    def write_history(self, history: dict[str, list[float]]) -> None:
        """Write loss and accuracy while training."""
        write_json(self.path / HISTORY, history)

    @property
    def weights_path(self) -> Path:
        """Where the trained network's weights lie."""
        return self.path / WEIGHTS

    def load_weights(self, network: "keras.Model") -> None:
        """Read the trained weights into a network of the run's recipe.

        Raises:
            RunFolderError: They are missing, or those of another network.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Keras only warns of layers that the file lacks
                network.load_weights(self.weights_path)
        except (OSError, ValueError, KeyError, UserWarning) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RunFolderError(f"{self.weights_path} does not hold this network's weights: {reason}") from error

    def write_weights(self, network: "keras.Model") -> None:
        """Write the trained weights."""
        write_atomic(self.weights_path, network.save_weights)

    def fold_weights(self, number: int) -> Path:
        """Return where the blocks lie that were fine-tuned without the photos of a fold, numbered from 0 on."""
        return self.path / FOLD.format(number=number)

    def fold_head(self, number: int) -> Path:
        """Return where the head lies that was fitted on those blocks."""
        return self.path / FOLD_HEAD.format(number=number)

    @property
    def frozen_weights(self) -> Path:
        """Where the blocks lie as they were before fine-tuning."""
        return self.path / FROZEN

    def drop_folds(self) -> None:
        """Remove what is kept of fine-tuning, which a network that was not fine-tuned has no use for."""
        of_folds = (path for name in (FOLD, FOLD_HEAD) for path in self.path.glob(name.format(number="*")))
        for path in (*of_folds, self.frozen_weights):
            path.unlink(missing_ok=True)

    def metrics(self, *keys: str) -> dict[str, Any]:
        """Read what the network is worth, with at least these keys."""
        return read_json(self.path / METRICS, *keys)

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write what the network is worth, after everything else."""
        write_json(self.path / METRICS, metrics)

    def report(self) -> str:
        """Read the metrics as a page."""
        return (self.path / REPORT).read_text(encoding="utf-8")

    def write_report(self, page: str, pictures: Mapping[str, Callable[[Path], object]]) -> None:
        """Write the page, and the pictures by their names.

        Args:
            page: The page.
            pictures: What writes each picture to a path, by `CURVES`, `EXAMPLES` and `CONFUSION`.
        """
        for name, write in pictures.items():
            write_atomic(self.path / name, write)
        write_atomic(self.path / REPORT, lambda path: path.write_text(page, encoding="utf-8"))

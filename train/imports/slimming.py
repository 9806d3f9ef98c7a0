"""An imported run -> the run of its slim network, which is a Keras file again.

chain -> what each channel is worth -> widths -> rebuilt -> taught by the original -> a Keras file -> imported like any.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edge_infer.pictures.loading import load_input
from train.data.dataset import Dataset
from train.data.photos import Photo
from train.data.run_data import RunData
from train.errors import GoalError, RunFolderError
from train.imports.finished import ImportedRun
from train.imports.imported import Imported, import_model, scale_pixels, scaled
from train.imports.record import Reading
from train.imports.run import write_run
from train.metrics import Floats, Ints
from train.networks.network import FORWARD_BATCH
from train.progress import say, track
from train.recipes import Augmentation
from train.runs.slim_folder import SlimFolder
from train.slim.base import PRUNING_PHOTOS
from train.slim.chains.budget import budgeted_widths, check_chain_speedup, even_widths, highest_speedup
from train.slim.chains.chain import Chain, read_chain, set_weights
from train.slim.chains.lessons import seen, teach
from train.slim.chains.rebuilding import ChainPruner
from train.slim.distillation import Distillation, Pixels, widened
from train.slim.goal import Goal
from train.slim.kept_views import KeptViews
from train.slim.pipeline import described, pictures_to_learn_from
from train.slim.within_drop import slim_within, speedups_up_to
from train.views.augmentation import augment, view_rng

SETTINGS = Distillation(views=4, epochs=4)
_SEED = 1
# The original answers for whatever a view shows, so it need not look like a photo of its class.
_CHANGES = Augmentation(
    rotation_deg=20, shift=0.1, zoom=0.2, horizontal_flip=True, brightness=0.2, contrast=0.1, gamma=0.2, saturation=0.2
)


def slim_imported(
    original: ImportedRun,
    dataset: Dataset,
    out: SlimFolder,
    goal: Goal | float,
    *,
    settings: Distillation,
    resume: bool,
    mixed_precision: bool,
) -> dict[str, Any]:
    """Slim an imported run.

    Args:
        original: The run.
        dataset: Its photos, and the unlabelled pictures to learn from besides.
        out: Run folder to write.
        goal: How slim, or how much accuracy on the validation photos (0-1) may be lost at most.
        settings: How to distil.
        resume: Finish an interrupted run.
        mixed_precision: Compute in bfloat16 while learning.

    Returns:
        The metrics, with how it was slimmed under `slim`.

    Raises:
        RunFolderError: The run is slim already, `out` exists, or was started otherwise.
        DataError: Photos are missing.
        GoalError: The network is not a plain chain, none is so fast, or none is within the allowed loss.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(_SEED)
    if original.is_slim:
        raise RunFolderError(f"{original.path} is slim already: give the run that it was made from")
    out.check(resume=resume)
    imported = original.read()
    chain = check_imported_goal(imported, original.record.file, goal)
    data = original.data(dataset)
    photos = pictures_to_learn_from(data)
    out.note_settings(described(original.weights_path, goal, photos, settings, mixed_precision=mixed_precision))
    if out.is_finished:
        return out.metrics()
    policy = "mixed_bfloat16" if mixed_precision else "float32"
    lessons = _Lessons(original, chain, photos, settings, policy)
    slim_to = partial(_slim_to, lessons=lessons, data=data)
    if isinstance(goal, Goal):
        return slim_to(goal, out)
    return slim_within(goal, original.metrics, slim_to, out, highest_speedup(chain))


def check_imported_goal(imported: Imported, name: str, goal: Goal | float) -> Chain:
    """Refuse a goal that no slim network reaches, before anything is computed.

    Args:
        imported: The network.
        name: What messages call it.
        goal: The goal.

    Returns:
        The network as a chain.

    Raises:
        GoalError: It is none, the speed-up is too high, or the goal changes the input.
    """
    chain = read_chain(imported.core, name)
    if isinstance(goal, Goal) and goal.image_size is not None:
        raise GoalError("an imported network keeps the size of its input: leave out --image-size")
    if isinstance(goal, Goal) and goal.first_stride != 1:
        raise GoalError("an imported network keeps the steps of its layers: leave out --first-stride")
    if isinstance(goal, Goal) and goal.speedup is not None:
        check_chain_speedup(chain, goal.speedup)
    if not isinstance(goal, Goal):
        speedups_up_to(highest_speedup(chain))
    return chain


@dataclass(frozen=True, slots=True)
class _Lessons:
    """What slim networks of a run learn from.

    Attributes:
        original: The run.
        chain: Its network.
        photos: Pictures, each with views.
        settings: How many, and how they are learned.
        policy: What layers compute in while learning.
    """

    original: ImportedRun
    chain: Chain
    photos: Sequence[Photo]
    settings: Distillation
    policy: str

    @property
    def enter(self) -> Callable[[keras.KerasTensor], keras.KerasTensor]:
        record = self.original.record
        return partial(scale_pixels, scaling=record.scaling, is_bgr=record.channels == "bgr")

    def load(self, chosen: Ints) -> Pixels:
        """Load some views: number n is view `n // photos` of photo `n % photos`, view 0 the photo itself."""
        changes = widened(_CHANGES) if self.settings.wide_views else _CHANGES
        views = []
        for number in chosen.tolist():
            view, place = divmod(number, len(self.photos))
            photo = self.photos[place]
            pixels = load_input(photo.path, self.original.spec)
            views.append(augment(pixels, changes, view_rng(photo.sha256, view, _SEED)) if view else pixels)
        return np.stack(views)

    @property
    def count(self) -> int:
        """How many views there are."""
        return self.settings.views * len(self.photos)

    def wanted(self, load: Callable[[Ints], Pixels]) -> list[Floats]:
        """Return what the original sees in every view, loaded as by `load`."""
        full = self.chain.with_widths(self.chain.widths, self.policy)
        set_weights(full, self.chain.weights())
        networks = seen(full, self.chain, self.enter)
        both = keras.Model(networks[0].input, [network.output for network in networks])
        run = tf.function(lambda pixels: both(pixels, training=False))
        numbers = np.arange(self.count)
        batches = [numbers[i : i + FORWARD_BATCH] for i in range(0, len(numbers), FORWARD_BATCH)]
        found = [run(tf.constant(load(batch), tf.float32)) for batch in track(batches, "Asking the original")]
        return [np.concatenate([part.numpy() for part in parts]) for parts in zip(*found, strict=True)]


def _slim_to(goal: Goal, out: SlimFolder, lessons: _Lessons, data: RunData) -> dict[str, Any]:
    """Slim to one goal, and fill a run folder."""
    if out.is_finished:
        return out.metrics()
    chain, original = lessons.chain, lessons.original
    network = _pruned(goal, out, lessons)
    if out.is_distilled:
        out.load_distilled(network)
    else:
        pupil = chain.with_widths(_widths_of(network, chain), lessons.policy)
        pupil.set_weights(network.get_weights())
        views = KeptViews(lessons.load, lessons.count, original.spec.height, original.spec.width)
        wanted = lessons.wanted(views.load)
        teach(pupil, chain, lessons.enter, views.load, wanted, lessons.settings, out.distillation, _SEED)
        network.set_weights(pupil.get_weights())
        out.write_distilled(network)
    out.distillation.drop()
    widths = _widths_of(network, chain)
    (macs, weights), (macs_before, _) = chain.cost(widths), chain.cost(chain.widths)
    slim = {
        "widths": list(widths.values()),
        "macs": macs,
        "weights": weights,
        "speedup": macs_before / macs,
        "pictures": len(lessons.photos),
        **asdict(lessons.settings),
    }
    record = replace(original.record, reading=Reading())
    with TemporaryDirectory() as folder:
        file = Path(folder) / "slim.keras"
        network.save(file)
        imported = import_model(file)  # what is measured is what will be read
        return write_run(out, file, record, imported, data, {"tried": original.metrics["tried"], "slim": slim})


def _pruned(goal: Goal, out: SlimFolder, lessons: _Lessons) -> keras.Model:
    """Choose widths and rebuild the chain on them, or read what the run folder holds."""
    chain, record = lessons.chain, lessons.original.record
    if (kept := out.widths()) is not None:
        network = chain.with_widths(dict(zip(chain.widths, kept, strict=True)))
        out.load_pruned(network)
        return network
    say("Pruning")
    chosen = np.random.default_rng(_SEED).permutation(len(lessons.photos))[:PRUNING_PHOTOS]
    pixels = scaled(lessons.load(chosen), record.scaling, is_bgr=record.channels == "bgr")
    pruner = ChainPruner(chain, pixels, _SEED)
    sensitivities = pruner.sensitivities()
    if goal.speedup is not None:
        widths = budgeted_widths(chain, sensitivities, goal.speedup)
    else:
        widths = even_widths(chain, goal.width or 1.0)
    network = chain.with_widths(widths)
    set_weights(network, pruner.prune({name: sensitivities[name].keep(width) for name, width in widths.items()}))
    curves = {name: dict(zip(found.widths, found.errors, strict=True)) for name, found in sensitivities.items()}
    out.write_pruned(network, list(widths.values()), curves)
    return network


def _widths_of(network: keras.Model, chain: Chain) -> dict[str, int]:
    return {name: int(network.get_layer(name).filters) for name in chain.widths}

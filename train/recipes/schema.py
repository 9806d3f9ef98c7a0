"""What a recipe says: everything that decides a run, besides the photos."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edge_infer.model_file.metadata import FaceCrop

Preprocessing = Literal["caffe", "unit"]
FineTuneMode = Literal["never", "auto", "always"]
Pooling = Literal["average", "energy"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random changes to a photo, each drawn anew for every view.

    A part of the photo, then one affine warp (rotation, shift, shear, zoom, flips; edges repeat outwards), then
    lighting, then damage. Ranges are symmetric unless said otherwise. For a recipe of faces
    the warp changes what is cut out of the photo, so its zoom is a jitter of the margin; beyond the photo lie random
    colours (`train.views.face_views.surrounded`), and there are no parts.

    Attributes:
        crop: Largest share of the photo's area that is cut away; the part's aspect differs from the photo's by up
            to 4:3.
        rotation_deg: Largest rotation, degrees.
        shift: Largest shift along each axis, as a share of its side.
        shear_deg: Largest shear angle, degrees.
        zoom: Zoom factor is drawn from 1-zoom to 1+zoom.
        horizontal_flip: Mirror half of the views.
        vertical_flip: Turn half of the views upside down.
        brightness: Pixel values are scaled by 1-brightness to 1+brightness.
        contrast: Differences from middle grey are scaled by 1-contrast to 1+contrast.
        gamma: The logarithm of the exponent is drawn from -gamma to gamma.
        tint: Each colour channel is scaled on its own by 1-tint to 1+tint.
        saturation: Differences from grey are scaled by 1-saturation to 1+saturation.
        grey_share: Share of the views that lose their colour.
        blurred_share: Share of the views that are scaled down, to a fifth at most, and up again.
        jpeg_share: Share of the views that are compressed with a quality of 25 to 79.
    """

    crop: float = 0.0
    rotation_deg: float = 0.0
    shift: float = 0.0
    shear_deg: float = 0.0
    zoom: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    tint: float = 0.0
    saturation: float = 0.0
    grey_share: float = 0.0
    blurred_share: float = 0.0
    jpeg_share: float = 0.0


@dataclass(frozen=True, slots=True)
class DenseHead:
    """Flatten, then Dense ReLU layers, as the published projects have it.

    Attributes:
        units: Width of each hidden layer.
        dropout: Dropout after each hidden layer.
        l2: Penalty on the squared weights of each hidden layer.
        sigmoid: End in one sigmoid unit instead of a softmax; for two classes.
    """

    units: tuple[int, ...]
    dropout: float = 0.0
    l2: float = 0.0
    sigmoid: bool = False


@dataclass(frozen=True, slots=True)
class KnownHead:
    """What tells pictures of the classes from strangers, as the output `known` (`train.fitting.known`).

    Attributes:
        inverse_l2: As in `PooledHead`, of a layer that reads the object's features and the whole picture's.
        stranger_views: Views of each stranger that are learned from, the first one unchanged.
        part_weights: How much one stranger of a part counts, 1 if its part is not named. If none of the parts is,
            each part counts as much as any other.
        min_score: Certain is an answer with at least this score, less if that costs too many right answers.
        kept: Share of the right answers for held-out photos of the data set that are to stay certain.
    """

    inverse_l2: float
    stranger_views: int
    part_weights: Mapping[str, float] = field(default_factory=dict)
    min_score: float = 0.75
    kept: float = 0.909


@dataclass(frozen=True, slots=True)
class PooledHead:
    """Pooled feature maps -> square root -> unit length -> one Dense layer.

    The square root tames the bursty responses of convolution features (power
    normalization: Perronnin, Sánchez, Mensink 2010); the unit length takes out contrast.

    Attributes:
        taps: VGG16 layers whose maps are pooled; the last one is the network's end.
        grid: Pooled are grid x grid parts of the map; 1 for the whole.
        inverse_l2: Inverse strength of the penalty on the layer's weights, on
            standardized features (scikit-learn's C).
        pooling: `average`, or `energy`: weighted by how strongly a cell of the map responds and how close to the
            centre it is (`train.networks.pooling.EnergyPooling`). That takes a grid of 1.
        balance: How far small classes count more: the weight of a class's photos is its share of the photos to the
            power of minus this; 0 for equal photos, 1 for equal classes.
        known: The output `known`; None for a network without it. It takes energy pooling.
    """

    taps: tuple[str, ...]
    inverse_l2: float
    grid: int = 1
    pooling: Pooling = "average"
    balance: float = 0.0
    known: KnownHead | None = None

    def __post_init__(self) -> None:
        """Check that the settings go together.

        Raises:
            ValueError: They do not.
        """
        if self.pooling == "energy" and self.grid != 1:
            raise ValueError("energy pooling weighs the cells of the whole map: it takes a grid of 1")
        if self.known is not None and self.pooling != "energy":
            raise ValueError("`known` takes energy pooling")


@dataclass(frozen=True, slots=True)
class OnTheFly:
    """Train the head on freshly augmented photos through the frozen base, epoch by epoch.

    Attributes:
        optimizer: Keras optimizer name.
        learning_rate: None for the optimizer's default.
        batch_size: Photos a step.
        epochs: How often validation is measured, and the training photos are passed once
            unless `steps` says otherwise.
        steps: Batches an epoch; passes over the photos then follow each other without
            regard to epochs.
        validation_steps: Batches of validation photos an epoch, beginning anew where they
            end; None for each photo once.
        unscaled_validation: Measure validation on pixels of 0-255 although `unit`
            preprocessing trains on 0-1: a published mistake. The right figures are kept
            beside it, as `rescaled_val_*`.
    """

    optimizer: str
    learning_rate: float | None
    batch_size: int
    epochs: int
    steps: int | None = None
    validation_steps: int | None = None
    unscaled_validation: bool = False


@dataclass(frozen=True, slots=True)
class CachedViews:
    """Solve the head on features that are computed once, for the photo and some augmented views.

    Attributes:
        views: Views a photo, the first one unchanged.
    """

    views: int


@dataclass(frozen=True, slots=True)
class FineTune:
    """Train the last VGG16 blocks together with a head, gently, on cached maps.

    Attributes:
        mode: `auto` does it only if that answers more held-out photos right: those from elsewhere, if there are any.
        learning_rate: Adam's learning rate.
        batch_size: Views a step.
        epochs: Passes over the cached views.
        blocks: How many blocks learn, up to the head's last tap.
    """

    mode: FineTuneMode
    learning_rate: float
    batch_size: int
    epochs: int
    blocks: int = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a run, besides the photos.

    Attributes:
        name: What the command line calls it.
        summary: One line for `--help`.
        task: Written into the model file; None when the user names it.
        image_size: Side of the square input, pixels.
        preprocessing: `caffe` (ImageNet mean taken off, what VGG16 was trained on) or
            `unit` (scaled to 0–1).
        head: What sits on the base.
        schedule: How the head is trained.
        augmentation: How views are changed.
        ratios: Percent of the photos for train, validation, test.
        widths: Of a slimmed network, the output channels of VGG16's convolutions up to the last one
            it has; None for VGG16's own.
        first_stride: Of a slimmed network, the step of its first convolution, pixels: 1 as in
            VGG16, or 2, and then no max pooling follows the first block.
        face: For a recipe of faces, which part of the photo is shown to the network.
        fine_tune: The second stage of a `PooledHead` on `CachedViews`; None for other recipes.
        published: Reproduces a publication, also where it errs: keeps training photos
            that are near duplicates of test photos.
        mixed_precision: Run the base in bfloat16 while training: twice as fast on a CPU
            with AMX, slow on others. Exported networks are float32.
        seed: Every random choice follows from it.
        attribution: Sources that a model made from it must name.
        card: What a model's card says in words: what the labels mean, where it fails, what
            it is not for.
    """

    name: str
    summary: str
    task: str | None
    image_size: int
    preprocessing: Preprocessing
    head: DenseHead | PooledHead
    schedule: OnTheFly | CachedViews
    augmentation: Augmentation
    ratios: tuple[float, float, float]
    widths: tuple[int, ...] | None = None
    first_stride: int = 1
    face: FaceCrop | None = None
    fine_tune: FineTune | None = None
    published: bool = False
    mixed_precision: bool = False
    seed: int = 1
    attribution: tuple[str, ...] = ()
    card: Mapping[str, str] = field(default_factory=dict)

    @property
    def pooled_head(self) -> PooledHead:
        """Its head, in a recipe whose head reads pooled features."""
        if not isinstance(self.head, PooledHead):
            raise TypeError(f"the head of recipe {self.name} reads no pooled features")
        return self.head

    @property
    def cached_views(self) -> CachedViews:
        """Its schedule, in a recipe whose head is solved on cached features."""
        if not isinstance(self.schedule, CachedViews):
            raise TypeError(f"recipe {self.name} caches no views")
        return self.schedule

    @property
    def fine_tuning(self) -> FineTune:
        """How its last blocks are fine-tuned, in a recipe that may do that."""
        if self.fine_tune is None:
            raise TypeError(f"recipe {self.name} fine-tunes nothing")
        return self.fine_tune


def with_fine_tuning(recipe: Recipe, mode: FineTuneMode) -> Recipe:
    """Return a recipe that fine-tunes as asked."""
    return replace(recipe, fine_tune=replace(recipe.fine_tuning, mode=mode))


def recipe_from_json(record: dict[str, Any]) -> Recipe:
    """Rebuild the recipe that a run folder's `recipe.json` holds."""
    head = PooledHead if "taps" in record["head"] else DenseHead
    schedule = CachedViews if "views" in record["schedule"] else OnTheFly
    fine_tune, face = record["fine_tune"], record["face"]
    return Recipe(
        **record
        | {
            "head": head(**{key: _head_value(key, value) for key, value in record["head"].items()}),
            "schedule": schedule(**record["schedule"]),
            "augmentation": Augmentation(**record["augmentation"]),
            "ratios": _tupled(record["ratios"]),
            "widths": _tupled(record["widths"]),
            "face": None if face is None else FaceCrop(**face),
            "fine_tune": None if fine_tune is None else FineTune(**fine_tune),
            "attribution": _tupled(record["attribution"]),
        }
    )


def _head_value(key: str, value: Any) -> Any:  # noqa: ANN401  # a JSON value
    return KnownHead(**value) if key == "known" and value is not None else _tupled(value)


def _tupled(value: Any) -> Any:  # noqa: ANN401  # a JSON value
    return tuple(value) if isinstance(value, list) else value

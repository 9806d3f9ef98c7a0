"""The recipes: data, not code. Nothing outside this file knows about gems.

`*-baseline` and `*-improved` repeat a published student project as it was published;
the names without a suffix are ours.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

Preprocessing = Literal["caffe", "unit"]
FineTuneMode = Literal["never", "auto", "always"]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random changes to a photo, each drawn anew for every view.

    One affine warp (rotation, shift, shear, zoom, flips; edges repeat outwards), then
    lighting. Ranges are symmetric unless said otherwise.

    Attributes:
        rotation_deg: Largest rotation, degrees.
        shift: Largest shift along each axis, as a share of its side.
        shear_deg: Largest shear angle, degrees.
        zoom: Zoom factor is drawn from 1-zoom to 1+zoom.
        horizontal_flip: Mirror half of the views.
        vertical_flip: Turn half of the views upside down.
        brightness: Pixel values are scaled by 1-brightness to 1+brightness.
    """

    rotation_deg: float = 0.0
    shift: float = 0.0
    shear_deg: float = 0.0
    zoom: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    brightness: float = 0.0


@dataclass(frozen=True, slots=True)
class DenseHead:
    """Flatten, then Dense ReLU layers, as the published projects have it.

    Attributes:
        units: Width of each hidden layer.
        dropout: Dropout after each hidden layer.
    """

    units: tuple[int, ...]
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class PooledHead:
    """Average-pooled feature maps -> square root -> unit length -> one Dense layer.

    The square root tames the bursty responses of convolution features (power
    normalization: Perronnin, Sánchez, Mensink 2010); the unit length takes out contrast.

    Attributes:
        taps: VGG16 layers whose maps are pooled; the last one is the network's end.
        inverse_l2: Inverse strength of the penalty on the layer's weights, on
            standardized features (scikit-learn's C).
    """

    taps: tuple[str, ...]
    inverse_l2: float


@dataclass(frozen=True, slots=True)
class OnTheFly:
    """Train the head on freshly augmented photos through the frozen base, epoch by epoch.

    Attributes:
        optimizer: Keras optimizer name.
        learning_rate: None for the optimizer's default.
        batch_size: Photos a step.
        epochs: Passes over the training photos.
    """

    optimizer: str
    learning_rate: float | None
    batch_size: int
    epochs: int


@dataclass(frozen=True, slots=True)
class CachedViews:
    """Solve the head on features that are computed once, for the photo and some augmented views.

    Attributes:
        views: Views a photo, the first one unchanged.
    """

    views: int


@dataclass(frozen=True, slots=True)
class FineTune:
    """Train the last VGG16 block together with the head, gently, on cached maps.

    Attributes:
        mode: `auto` does it only if it raises k-fold accuracy, which takes an hour
            where the head takes a minute.
        learning_rate: Adam's learning rate.
        batch_size: Views a step.
        epochs: Passes over the cached views.
    """

    mode: FineTuneMode
    learning_rate: float
    batch_size: int
    epochs: int


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
        fine_tune: The second stage of a `PooledHead` on `CachedViews`; None for other recipes.
        published: Reproduces a publication, also where it errs: keeps training photos
            that are near duplicates of test photos.
        mixed_precision: Run the base in bfloat16 while training: twice as fast on a CPU
            with AVX-512 BF16 or AMX, slow on others. Exported networks are float32.
        seed: Every random choice follows from it.
        attribution: Sources that a model made from it must name.
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
    fine_tune: FineTune | None = None
    published: bool = False
    mixed_precision: bool = False
    seed: int = 1
    attribution: tuple[str, ...] = ()


def recipe_from_json(record: dict[str, Any]) -> Recipe:
    """Rebuild the recipe that a run folder's `recipe.json` holds."""
    head = PooledHead if "taps" in record["head"] else DenseHead
    schedule = CachedViews if "views" in record["schedule"] else OnTheFly
    fine_tune = record["fine_tune"]
    return Recipe(
        **record
        | {
            "head": head(**{key: _tupled(value) for key, value in record["head"].items()}),
            "schedule": schedule(**record["schedule"]),
            "augmentation": Augmentation(**record["augmentation"]),
            "ratios": _tupled(record["ratios"]),
            "fine_tune": None if fine_tune is None else FineTune(**fine_tune),
            "attribution": _tupled(record["attribution"]),
        }
    )


def _tupled(value: Any) -> Any:  # noqa: ANN401  # a JSON value
    return tuple(value) if isinstance(value, list) else value


VGG16_ATTRIBUTION = "VGG16 ImageNet weights: Oxford Visual Geometry Group (Simonyan & Zisserman 2014), CC BY 4.0"
GEMS_ATTRIBUTION = "Training photos: Kaggle data set Gemstones Images (lsind18/gemstones-images)"

_CUSTOM = Recipe(
    name="custom",
    summary="Any folder of class folders, with the settings of our best recipe.",
    task=None,
    image_size=224,
    preprocessing="caffe",
    head=PooledHead(taps=("block4_conv3", "block5_conv3"), inverse_l2=0.1),
    schedule=CachedViews(views=4),
    augmentation=Augmentation(
        rotation_deg=40, shift=0.05, zoom=0.15, horizontal_flip=True, vertical_flip=True, brightness=0.2
    ),
    ratios=(78, 12, 10),
    # Each fold of it takes minutes, so it is asked for (docs/training.md).
    fine_tune=FineTune(mode="never", learning_rate=3e-5, batch_size=16, epochs=2),
    attribution=(VGG16_ATTRIBUTION,),
)

_GEMS_BASELINE = Recipe(
    name="gems-baseline",
    summary="As published: Flatten, Dense 256, softmax; 10 epochs (published test accuracy 77 %).",
    task="gems",
    image_size=224,
    preprocessing="unit",
    head=DenseHead(units=(256,)),
    # "Default optimizer" is what Keras' compile() takes when none is named.
    schedule=OnTheFly(optimizer="rmsprop", learning_rate=None, batch_size=32, epochs=10),
    # Which augmentation was used is not published; this is the one of its sister project.
    augmentation=Augmentation(rotation_deg=40, shift=0.2, shear_deg=0.2, zoom=0.2, horizontal_flip=True),
    ratios=(78, 12, 10),
    published=True,
    attribution=(VGG16_ATTRIBUTION, GEMS_ATTRIBUTION),
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        replace(
            _CUSTOM,
            name="gems",
            summary="Ten gemstones, ours.",
            task="gems",
            attribution=(VGG16_ATTRIBUTION, GEMS_ATTRIBUTION),
        ),
        _GEMS_BASELINE,
        replace(
            _GEMS_BASELINE,
            name="gems-improved",
            summary="As published: Dense 256, 128, dropout 0.5, Adam 1e-4; 50 epochs (published test accuracy 95 %).",
            head=DenseHead(units=(256, 128), dropout=0.5),
            schedule=OnTheFly(optimizer="adam", learning_rate=1e-4, batch_size=32, epochs=50),
        ),
        _CUSTOM,
    )
}

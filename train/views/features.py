"""Features of the frozen base: computed once a photo and view, then read from a cache.

A cache entry is one `.npz` file without pickle, named by the photo's hash and the view's
number, in a folder named by the hash of what else decides its content: settings, weights,
loader and augmentation. An interrupted run keeps what it has, and runs share entries.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image

import edge_infer.faces
import edge_infer.pictures
from edge_infer.atomic_files import write_atomic
from edge_infer.faces.crops import cut, face_region
from edge_infer.faces.detector import SCENE_SIDE
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.pictures.loading import fit, load_input, load_rgb, load_scene
from edge_infer.runtime.cpus import available_cpus
from train.data.photos import Photo, sha256_file
from train.errors import CacheError
from train.networks.network import FORWARD_BATCH
from train.networks.pixels import Preprocess, pixel_scaling
from train.networks.pooling import pool_taps
from train.networks.vgg16 import conv_layers, tap_maps
from train.progress import track
from train.recipes import Pooling, Recipe
from train.views.augmentation import augment, jitter, random_part, relight, view_rng
from train.views.face_views import detector_sha256, find_face, surrounded

MAPS = "maps"
_PART_DECODE_SIDES = 3  # of the input: a quarter of the photo's area still has more pixels than the input

# The code that decides a view's pixels: this package; what reads pictures, but not what finds or draws them; faces.
_VIEWS = (Path(__file__).parent,)
_PICTURES = tuple(
    place
    for place in sorted(Path(edge_infer.pictures.__file__).parent.iterdir())
    if place.suffix == ".py" or place.name == "containers"
)
_FACES = (Path(edge_infer.faces.__file__).parent,)

Features = dict[str, npt.NDArray[np.floating[Any]]]


def input_spec(recipe: Recipe) -> InputSpec:
    """Return the input of a recipe's network: square, stretched, bilinear."""
    return InputSpec(recipe.image_size, recipe.image_size, face=recipe.face)


def load_view(photo: Photo, view: int, recipe: Recipe) -> npt.NDArray[np.uint8]:
    """Load view number `view` of a photo; number 0 is the photo as the device will see it.

    Returns:
        `uint8 [H, W, 3]`, RGB.

    Raises:
        InputError: The photo cannot be decoded.
    """
    spec, rng = input_spec(recipe), view_rng(photo.sha256, view, recipe.seed)
    if recipe.face is not None:
        return _load_face_view(photo, view, recipe, recipe.face, rng)
    if view > 0 and recipe.augmentation.crop:
        image_rgb = _load_part(photo, recipe, rng)
    else:
        image_rgb = load_input(photo.path, spec)
    return image_rgb if view == 0 else augment(image_rgb, recipe.augmentation, rng)


def _load_part(photo: Photo, recipe: Recipe, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Cut a random part out of the file, which shows more of it than the network's input does, and stretch it."""
    image = load_rgb(photo.path, needed_side=_PART_DECODE_SIDES * recipe.image_size)
    side, box = recipe.image_size, random_part(image.size, recipe.augmentation, rng)
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box=box))


def _load_face_view(
    photo: Photo, view: int, recipe: Recipe, rule: FaceCrop, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Cut the face out as the device does, for other views a jittered region of the photo in other surroundings."""
    image, spec, face = load_scene(photo.path, needed_side=SCENE_SIDE).image, input_spec(recipe), find_face(photo)
    if face is None:  # the device takes the whole picture then
        whole = fit(image, spec)
        return whole if view == 0 else augment(whole, recipe.augmentation, rng)
    region = face_region(face, rule)
    if view == 0:
        return cut(image, region, spec)
    image, region = surrounded(image, region, rng)
    return relight(cut(image, jitter(region, recipe.augmentation, rng), spec), recipe.augmentation, rng)


def load_views(wanted: Sequence[tuple[Photo, int]], recipe: Recipe) -> npt.NDArray[np.uint8]:
    """Load views by photo and number, `uint8 [N, H, W, 3]`; one thread per core decodes and changes them."""
    with ThreadPoolExecutor(available_cpus()) as threads:
        return np.stack(list(threads.map(lambda item: load_view(item[0], item[1], recipe), wanted)))


def load_batch(photos: Sequence[Photo], recipe: Recipe) -> npt.NDArray[np.uint8]:
    """Load photos unchanged, `uint8 [N, H, W, 3]`."""
    return load_views([(photo, 0) for photo in photos], recipe)


def extract(
    photos: Sequence[Photo],
    views: int,
    recipe: Recipe,
    base: keras.Model,
    taps: tuple[str, ...],
    cache: Path,
    *,
    grid: int = 1,
    pooling: Pooling = "average",
    entrance: str | None = None,
) -> Features:
    """Return pooled features of the frozen base for several views of every photo.

    Args:
        photos: The photos.
        views: Views a photo, the first one unchanged.
        recipe: Size, preprocessing and augmentation.
        base: VGG16 with its weights.
        taps: Layers whose maps are pooled.
        cache: Cache folder.
        grid: As in the recipe's `PooledHead`.
        pooling: Likewise.
        entrance: Also return the maps that this layer gives, which enter the blocks that are fine-tuned.

    Returns:
        For each tap `float32 [views, N, D]`; with energy pooling, the plain averages too, under the name that
        `scene` gives them: the object's features and those of the whole picture. Under `"maps"`,
        `float16 [views, N, h, w, C]`.
    """
    folder = cache / "features" / _cache_key(recipe, base, taps, grid, pooling, entrance)
    return cached(photos, views, recipe, _extractor(recipe, base, taps, grid, pooling, entrance), folder)


def cached(photos: Sequence[Photo], views: int, recipe: Recipe, network: keras.Model, folder: Path) -> Features:
    """Return what any network computes of several views of every photo, and keep it.

    Args:
        photos: The photos.
        views: Views a photo, the first one unchanged.
        recipe: Size and augmentation.
        network: Pixels `uint8 [N, H, W, 3]` -> arrays by name.
        folder: Where entries are kept: its name tells all that decides them, as `decides_views` and the network.

    Returns:
        By name, `[views, N, ...]`.
    """
    run = tf.function(lambda pixels: network(pixels, training=False))
    wanted = [(photo, view) for view in range(views) for photo in photos]
    missing = [item for item in wanted if not _entry(folder, *item).exists()]
    batches = [missing[i : i + FORWARD_BATCH] for i in range(0, len(missing), FORWARD_BATCH)]
    for batch in track(batches, "Computing features"):
        # Always full batches: in the last digits, a convolution's result depends on the batch's size.
        pixels = np.zeros((FORWARD_BATCH, recipe.image_size, recipe.image_size, 3), np.uint8)
        pixels[: len(batch)] = load_views(batch, recipe)
        outputs = {name: values.numpy() for name, values in run(tf.constant(pixels)).items()}
        for row, (photo, view) in enumerate(batch):
            arrays = {name: values[row] for name, values in outputs.items()}
            write_atomic(_entry(folder, photo, view), partial(save_entry, arrays=arrays), durable=False)
    features: Features = {}
    for number, item in enumerate(wanted):
        for name, values in load_entry(_entry(folder, *item)).items():
            if name not in features:  # maps take gigabytes: there is room for them once
                features[name] = np.empty((len(wanted), *values.shape), values.dtype)
            features[name][number] = values
    return {name: values.reshape(views, len(photos), *values.shape[1:]) for name, values in features.items()}


def select(features: Features, indices: npt.NDArray[np.int64]) -> Features:
    """Return the features of some of the photos."""
    return {name: values[:, indices] for name, values in features.items()}


def select_views(features: Features, views: int) -> Features:
    """Return the features of the first views."""
    return {name: values[:views] for name, values in features.items()}


def scene(tap: str) -> str:
    """Return the name of a tap's plain averages beside its energy-pooled features."""
    return f"{tap}_average"


def _extractor(
    recipe: Recipe, base: keras.Model, taps: tuple[str, ...], grid: int, pooling: Pooling, entrance: str | None
) -> keras.Model:
    image = keras.Input((recipe.image_size, recipe.image_size, 3), dtype="uint8")
    wanted = taps if entrance is None else (*taps, entrance)
    maps = tap_maps(base, wanted)(Preprocess(pixel_scaling(recipe))(image))
    outputs = pool_taps(maps, taps, grid, pooling)
    if pooling == "energy":
        outputs |= {scene(tap): values for tap, values in pool_taps(maps, taps).items()}
    if entrance is not None:
        outputs[MAPS] = keras.ops.cast(maps[entrance], "float16")
    return keras.Model(image, outputs)


def _cache_key(
    recipe: Recipe, base: keras.Model, taps: tuple[str, ...], grid: int, pooling: Pooling, entrance: str | None
) -> str:
    """Hash everything besides the photo and the view's number."""
    weights = hashlib.sha256()
    for layer in conv_layers(taps[-1]):
        for values in base.get_layer(layer).get_weights():
            weights.update(np.ascontiguousarray(values).data)
    decides = {
        **decides_views(recipe),
        "network_code": [
            sha256_file(Path(function.__code__.co_filename)) for function in (tap_maps, pool_taps, pixel_scaling)
        ],
        "pixels": pixel_scaling(recipe),
        "mixed_precision": recipe.mixed_precision,
        "taps": taps,
        "grid": grid,
        "pooling": pooling,
        "entrance": entrance,
        "weights": weights.hexdigest(),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:24]


def decides_views(recipe: Recipe) -> dict[str, Any]:
    """Return what decides a view's pixels besides the photo and the view's number: a part of a cache's name."""
    return {
        "code": code_digest(*_VIEWS, *_PICTURES),
        "face": None if recipe.face is None else {"code": code_digest(*_FACES), "detector": detector_sha256()},
        "versions": {name: version(name) for name in ("tensorflow", "pillow", "scipy")},
        "input": asdict(input_spec(recipe)),
        "augmentation": asdict(recipe.augmentation),
        "seed": recipe.seed,
    }


def code_digest(*places: Path) -> str:
    """Return the hex sha256 over modules, and over all modules below folders."""
    files = [file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return hashlib.sha256("".join(map(sha256_file, files)).encode()).hexdigest()


def _entry(folder: Path, photo: Photo, view: int) -> Path:
    return folder / photo.sha256[:2] / f"{photo.sha256}-{view}.npz"


def save_entry(path: Path, arrays: dict[str, npt.NDArray[np.float32]]) -> None:
    """Write a cache entry, arrays by name."""
    with path.open("wb") as file:  # an open file, or numpy appends a suffix of its own
        np.savez(file, **arrays)  # type: ignore[arg-type]  # none of them is called allow_pickle


def load_entry(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Read a cache entry.

    Raises:
        CacheError: It is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as entry:
            return {name: entry[name] for name in entry.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise CacheError(f"cache entry {path} is damaged: remove it and run again") from error

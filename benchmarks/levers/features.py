"""Maps of a frozen VGG16, pooled in every way at once and kept: one pass of the network a photo and view, ever."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.levers import grounds as ground_code
from benchmarks.levers import pooling as poolings
from benchmarks.levers import views
from benchmarks.levers.pooling import POOLINGS
from benchmarks.levers.views import View, load_view
from edge_infer.atomic_files import write_atomic
from train.data.photos import Photo, sha256_file
from train.metrics import Floats
from train.networks import pixels as pixel_code
from train.networks import pooling as pooling_code
from train.networks import vgg16
from train.networks.network import FORWARD_BATCH, root_normalize
from train.networks.pixels import Preprocess
from train.networks.pooling import average
from train.networks.vgg16 import BLOCKS, build_base, tap_maps
from train.progress import track
from train.recipes import RECIPES
from train.views.features import code_digest, decides_views, load_entry, save_entry

# The last maps of each block; blocks 4 and 5 are pooled in every way, the others averaged.
TAPS = tuple(f"block{block}_conv{convs}" for block, (_, convs) in enumerate(BLOCKS, start=1))
MAPS = (4, 5)
_DECIDING_CODE = (views, ground_code, poolings, vgg16, pixel_code, pooling_code)

Arrays = dict[str, npt.NDArray[np.floating]]
Function = Callable[[tf.Tensor], dict[str, tf.Tensor]]


class FrozenFeatures:
    """Computes features of photos, and remembers them.

    Args:
        weights: As in `train.networks.vgg16.build_base`.
        cache: Cache folder.
        mixed_precision: Compute in bfloat16, which some processors do several times faster.
        grounds: Pictures that a plain ground is exchanged for.
    """

    def __init__(self, weights: str, cache: Path, *, mixed_precision: bool, grounds: Sequence[Photo] = ()) -> None:
        self.recipe = replace(RECIPES["gems"], mixed_precision=mixed_precision)
        self.weights = weights
        self.cache = cache / "levers"
        self.grounds = grounds
        self.passes = 0
        self._networks: dict[int, Function] = {}

    @cached_property
    def base_weights(self) -> str:
        """`imagenet`, or the sha256 of the file."""
        return sha256_file(Path(self.weights)) if Path(self.weights).is_file() else self.weights

    def pooled(self, photos: Sequence[Photo], view: View, pooling: str, blocks: Sequence[int]) -> Floats:
        """Return a head's input, each block root-normalized: `float32 [N, D]`."""
        return self.pooled_each([(photo, view) for photo in photos], pooling, blocks)

    def pooled_each(self, wanted: Sequence[tuple[Photo, View]], pooling: str, blocks: Sequence[int]) -> Floats:
        """Return the same for photos that are each seen in a view of their own, all of one size."""
        entries = self._entries(wanted)
        parts = [np.stack([entry[f"{pooling}-{block}"] for entry in entries]) for block in blocks]
        return np.concatenate([root_normalize(part) for part in parts], axis=-1)

    def maps(self, photos: Sequence[Photo], view: View) -> Iterator[tuple[Floats, Floats]]:
        """Yield the maps of blocks 4 and 5 of each photo, `float32 [h, w, 512]`, computed anew."""
        for batch in self._batches([(photo, view) for photo in photos], "Computing maps"):
            for row in range(len(batch[0])):
                yield batch[1]["maps-4"][row], batch[1]["maps-5"][row]

    def entering(self, photos: Sequence[Photo], view: View, layer: str) -> npt.NDArray[np.float16]:
        """Return the output of a layer, `float16 [N, h, w, C]`, computed anew."""
        cut = tap_maps(self.base(view.side), (layer,))
        image = keras.Input((view.side, view.side, 3), dtype="uint8")
        network = keras.Model(image, {layer: keras.ops.cast(cut(Preprocess("caffe")(image))[layer], "float16")})
        found = self._batches([(photo, view) for photo in photos], f"Computing {layer}", as_function(network))
        return np.concatenate([outputs[layer] for _, outputs in found])

    def base(self, side: int) -> keras.Model:
        """Return VGG16 for pictures of so many pixels a side, a new one each time."""
        return build_base(replace(self.recipe, image_size=side), self.weights)

    def _entries(self, wanted: Sequence[tuple[Photo, View]]) -> list[Arrays]:
        missing = [pair for pair in wanted if not self._path(*pair).exists()]
        for batch, outputs in self._batches(missing, "Computing features"):
            arrays = {name: values for name, values in outputs.items() if not name.startswith("maps")}
            for block in MAPS:
                arrays |= {f"{name}-{block}": way(outputs[f"maps-{block}"]) for name, way in POOLINGS.items()}
            for row, pair in enumerate(batch):
                of_photo = {name: values[row].astype(np.float32) for name, values in arrays.items()}
                write_atomic(self._path(*pair), partial(save_entry, arrays=of_photo), durable=False)
        return [load_entry(self._path(*pair)) for pair in wanted]

    def _batches(
        self, wanted: Sequence[tuple[Photo, View]], label: str, network: Function | None = None
    ) -> Iterator[tuple[list[tuple[Photo, View]], dict[str, Floats]]]:
        batches = [list(wanted[i : i + FORWARD_BATCH]) for i in range(0, len(wanted), FORWARD_BATCH)]
        for batch in track(batches, label):
            side = batch[0][1].side
            # Always full batches: in the last digits, a convolution's result depends on the batch's size.
            pixels = np.zeros((FORWARD_BATCH, side, side, 3), np.uint8)
            for row, (photo, view) in enumerate(batch):
                pixels[row] = load_view(photo, view, self.grounds)
            outputs = (network or self._network(side))(tf.constant(pixels))
            self.passes += len(batch)
            yield batch, {name: values.numpy()[: len(batch)] for name, values in outputs.items()}

    def _network(self, side: int) -> Function:
        if side not in self._networks:
            self._networks[side] = as_function(extractor(self.base(side), side))
        return self._networks[side]

    def _path(self, photo: Photo, view: View) -> Path:
        grounds = [ground.sha256 for ground in self.grounds] if view.ground else []
        shown = asdict(view) | {"grounds": grounds}
        name = hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]
        return self.cache / self._key / photo.sha256[:2] / f"{photo.sha256}-{name}.npz"

    @cached_property
    def _key(self) -> str:
        """Hash everything besides the photo, the view and its grounds."""
        decides = {
            "views": decides_views(self.recipe),
            "network_code": code_digest(Path(__file__), *(Path(str(module.__file__)) for module in _DECIDING_CODE)),
            "mixed_precision": self.recipe.mixed_precision,
            "base_weights": self.base_weights,
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:24]


def extractor(base: keras.Model, side: int) -> keras.Model:
    """Return a network from RGB pixels to `mean-1` to `mean-3`, and `maps-4` and `maps-5` of one size."""
    image = keras.Input((side, side, 3), dtype="uint8")
    tapped = tap_maps(base, TAPS)(Preprocess("caffe")(image))
    maps = [keras.ops.cast(tapped[tap], "float32") for tap in TAPS]
    outputs = {f"mean-{block}": average(maps[block - 1], 1, f"mean_{block}") for block in (1, 2, 3)}
    outputs["maps-4"] = keras.layers.AveragePooling2D(2, dtype="float32")(maps[3])
    outputs["maps-5"] = maps[4]
    return keras.Model(image, outputs)


def as_function(network: keras.Model) -> Function:
    """Return a network's inference as a graph."""
    function: Function = tf.function(lambda pixels: network(pixels, training=False))
    return function

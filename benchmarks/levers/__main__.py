r"""Measure what each lever gives on photos from elsewhere, alone: depth, resolution, views, weights, pooling, looks.

    python -m benchmarks.levers --gems gems --wild gems_wild --others gems_other --others not_gems \
        --asked faces --mixed-precision --out OUT.json

Every photo is answered by a head that has seen no photo of its source. Features are computed once a photo and view,
and kept; a row that OUT.json has already, of the same photos and settings, is not measured again.
"""

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.harness.invocation import typed_command
from benchmarks.levers.catalogue import KNOWN, LEVERS, NAMES, POOLED
from benchmarks.levers.certainty import answer, certainty
from benchmarks.levers.features import FrozenFeatures
from benchmarks.levers.folds import joint_folds, summarize
from benchmarks.levers.measure import Measurement, measure
from benchmarks.levers.tuning import TunedMeasurement
from benchmarks.levers.yardstick import THINGS, Yardstick, read_yardstick
from edge_infer.cache import default_cache
from train.console import run as run_command
from train.files import read_json, write_json
from train.fitting.crossval import FOLDS, REPEATS
from train.networks.vgg16 import resolve_weights
from train.progress import say
from train.quiet import start_tensorflow

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SEED = 1


def same_photos(yardstick: Yardstick) -> str:
    """Return a hash of which photos there are, and what each counts as."""
    rows = sorted(
        (photo.sha256, str(part), int(target))
        for photo, part, target in zip(yardstick.photos, yardstick.parts, yardstick.targets, strict=True)
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def measure_all(
    wanted: tuple[str, ...],
    yardstick: Yardstick,
    out: Path,
    settings: dict[str, Any],
    features: FrozenFeatures,
) -> None:
    """Measure what is wanted and not there yet, and write each row as soon as it is known.

    Args:
        wanted: Names of levers, or `KNOWN`.
        yardstick: The photos.
        out: The result; rows of other names stay.
        settings: What else decides a row: the photos, the folds, the precision, the base weights.
        features: Computes what the heads read.
    """
    result = read_json(out, "rows") if out.exists() else {"rows": {}}
    folds = joint_folds(yardstick, settings["repeats"], _SEED)
    levers = {lever.name: lever for lever in LEVERS} | {KNOWN: POOLED}
    for name in wanted:
        described = settings | {"lever": json.loads(json.dumps(asdict(levers[name])))}
        kept = result["rows"].get(name, {}).get("settings")
        if kept is not None and described | kept == described:  # old rows say nothing of the base weights
            say(f"{name}: measured already")
            continue
        started = time.perf_counter()
        if name == KNOWN:
            answers = answer(levers[name], yardstick, folds, features)
            figures: dict[str, object] = {
                **summarize(answers.probabilities, yardstick),
                "certainty": certainty(answers, yardstick),
            }
        else:
            kind = Measurement if levers[name].tuned_from is None else TunedMeasurement
            figures = measure(kind(levers[name], yardstick, features), folds)
        figures |= {"seconds": round(time.perf_counter() - started, 1), "settings": described}
        result["rows"][name] = figures
        result["command"] = typed_command()
        write_json(out, result)
        say(f"{name}: {figures['wild']:.1%} of photos from elsewhere right, own {figures['own']:.1%}")


@click.command()
@click.option("--gems", type=FOLDER, required=True, help="The set: class folders, its test apart (train/, test/).")
@click.option("--wild", type=FOLDER, required=True, help="Photos of its classes from elsewhere, with a sources.csv.")
@click.option("--others", type=FOLDER, multiple=True, required=True, help="Photos of none of the classes; repeatable.")
@click.option("--asked", type=FOLDER, help="Pictures that nothing learns from: how many are answered with certainty?")
@click.option("--only", multiple=True, type=click.Choice(NAMES), metavar="NAME", help="Measure this one; repeatable.")
@click.option("--repeats", type=click.IntRange(min=1), default=REPEATS, show_default=True, help="Foldings.")
@click.option("--mixed-precision", is_flag=True, help="Compute in bfloat16: quick where the processor has AMX.")
@click.option("--base-weights", metavar="FILE", help="VGG16's weights, as for `python -m train`.")
@click.option("--cache", type=click.Path(path_type=Path), help="Where features are kept.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Write the rows here.")
def main(
    gems: Path,
    wild: Path,
    others: tuple[Path, ...],
    asked: Path | None,
    only: tuple[str, ...],
    repeats: int,
    mixed_precision: bool,
    base_weights: str | None,
    cache: Path | None,
    out: Path,
) -> None:
    """Measure each lever alone on photos from elsewhere, folded by source."""
    weights = resolve_weights(base_weights)
    yardstick = read_yardstick(gems, wild, others, asked, say)
    features = FrozenFeatures(
        weights, cache or default_cache(), mixed_precision=mixed_precision, grounds=yardstick.photos_of(THINGS)
    )
    settings = {
        "photos": same_photos(yardstick),
        "folds": FOLDS,
        "repeats": repeats,
        "mixed_precision": mixed_precision,
        "base_weights": features.base_weights,
    }
    measure_all(only or NAMES, yardstick, out, settings, features)
    say(f"{features.passes} passes of the network")


if __name__ == "__main__":
    start_tensorflow()
    run_command(main, "python -m benchmarks.levers", interrupted="Interrupted; run it again to go on.")

"""The commands that train: one for each recipe."""

import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from train.options import (
    PATH,
    base_weights_option,
    cache_option,
    mixed_precision_option,
    more_option,
    others_option,
)
from train.progress import say
from train.quiet import start_tensorflow
from train.recipes import CachedViews, FineTuneMode, PooledHead, Preprocessing, Recipe, with_fine_tuning

SEED = click.IntRange(0, 2**31 - 1)


def recipe_command(recipe: Recipe) -> click.Command:
    """Return the command that trains a recipe; its options are those that the recipe can use."""

    @click.command(recipe.name, help=recipe.summary, short_help=recipe.summary)
    @click.option("--data", metavar="DIR", type=PATH, required=True, help="Labelled photos.")
    @click.option("--test", metavar="DIR", type=PATH, help="Frozen test photos, if not DIR/test.")
    @click.option("--out", metavar="RUN", type=PATH, required=True, help="Run folder to write.")
    @click.option("--resume", is_flag=True, help="Finish an interrupted run.")
    @base_weights_option
    @cache_option
    @click.option("--seed", type=SEED, default=recipe.seed, show_default=True, help="Decides every random choice.")
    @click.option(
        "--preprocessing",
        type=click.Choice(get_args(Preprocessing)),
        default=recipe.preprocessing,
        show_default=True,
        help="Pixel scaling: caffe (ImageNet mean taken off) or unit (0-1).",
    )
    @mixed_precision_option
    def command(
        data: Path,
        test: Path | None,
        out: Path,
        resume: bool,
        base_weights: str | None,
        cache: Path | None,
        seed: int,
        preprocessing: Preprocessing,
        mixed_precision: bool,
        fine_tune: FineTuneMode | None = None,
        more: tuple[Path, ...] = (),
        others: tuple[Path, ...] = (),
    ) -> None:
        chosen = replace(recipe, seed=seed, preprocessing=preprocessing, mixed_precision=mixed_precision)
        if recipe.fine_tune is not None and fine_tune is not None:
            chosen = with_fine_tuning(chosen, fine_tune)
        _train(chosen, data, test, more, others, out, resume, base_weights, cache)

    if isinstance(recipe.schedule, CachedViews):
        more_option(command)
    if isinstance(recipe.head, PooledHead) and recipe.head.known is not None:
        others_option(command)
    if recipe.fine_tune is not None:
        click.option(
            "--fine-tune",
            type=click.Choice(get_args(FineTuneMode)),
            default=recipe.fine_tune.mode,
            show_default=True,
            help="Train the last VGG16 blocks too; auto: if held-out photos say that it helps.",
        )(command)
    return command


def _train(
    recipe: Recipe,
    data: Path,
    test: Path | None,
    more: tuple[Path, ...],
    others: tuple[Path, ...],
    out: Path,
    resume: bool,
    weights: str | None,
    cache: Path | None,
) -> None:
    started = time.monotonic()
    from train.data.dataset import Dataset
    from train.runs.folder import RunFolder

    run = RunFolder.begin(out, recipe, resume=resume)
    say("Loading TensorFlow")
    start_tensorflow()
    from edge_infer.cache import default_cache
    from train.networks.vgg16 import resolve_weights
    from train.pipeline import train

    train(
        recipe,
        Dataset(data, test, more=more, others=others),
        run,
        weights=resolve_weights(weights),
        cache=cache or default_cache(),
    )
    click.echo(run.report())
    say(f"{out} is finished after {time.monotonic() - started:.0f} s; next: python -m export {out} --out DIR")

"""The options that several commands of train and export share."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path)

base_weights_option = click.option(
    "--base-weights", metavar="FILE", help="VGG16 weights (.weights.h5), or imagenet to download them."
)
cache_option = click.option(
    "--cache", metavar="DIR", type=FOLDER, help="Feature cache; default: the user's cache folder."
)
mixed_precision_option = click.option(
    "--mixed-precision", is_flag=True, help="Compute in bfloat16: faster on CPUs that have it."
)
unlabelled_option = click.option(
    "--unlabelled",
    metavar="PATH",
    multiple=True,
    help="More pictures to learn from: a folder, a glob pattern or @list.txt; may be repeated.",
)

"""The options that several commands of train and export share."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)
LARGEST_SPEEDUP = 64

base_weights_option = click.option(
    "--base-weights", metavar="FILE", help="VGG16 weights (.weights.h5), or imagenet to download them."
)
cache_option = click.option(
    "--cache", metavar="DIR", type=PATH, help="Feature cache; default: the user's cache folder."
)
mixed_precision_option = click.option(
    "--mixed-precision", is_flag=True, help="Compute in bfloat16: faster on CPUs with AMX, slower on others."
)
mixed_precision_where_fast_option = click.option(
    "--mixed-precision/--no-mixed-precision",
    default=None,
    help="Compute in bfloat16; default: on CPUs with AMX.",
)
unlabelled_option = click.option(
    "--unlabelled",
    metavar="PATH",
    multiple=True,
    help="More pictures to learn from: a folder, a glob pattern or @list.txt; may be repeated.",
)
image_size_option = click.option(
    "--image-size", metavar="PIXELS", type=click.IntRange(1), help="Side of the input; default: as it was."
)
first_stride_option = click.option(
    "--first-stride",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="Step of the first convolution, pixels; 2 stands in for the first max pooling.",
)
moved_data_option = click.option("--data", metavar="DIR", type=PATH, help="The run's photos, if they have moved.")
moved_test_option = click.option(
    "--test", metavar="DIR", type=PATH, help="The run's separate test photos, if they have moved."
)
more_option = click.option(
    "--more",
    metavar="DIR",
    type=PATH,
    multiple=True,
    help="Labelled photos from elsewhere to learn from and to be measured on; may be repeated.",
)
others_option = click.option(
    "--others",
    metavar="DIR",
    type=PATH,
    multiple=True,
    help="Pictures of none of the classes, to tell them apart; may be repeated.",
)

"""Options that `python -m train import` and `python -m export from-keras` share; imports nothing heavy."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, get_args
from unicodedata import normalize

import click

from edge_infer.model_file.metadata import Interpolation, Resize
from train.imports.scaling import Channels, Scaling

_FOLDER = click.Path(path_type=Path)
_Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What the user says of a Keras file.

    Attributes:
        architecture: What `model.to_json()` wrote, for a file of weights alone.
        output: The output that answers.
        size: Height and width of the input, pixels.
        leave_out: Layers that pass on what they are given.
        labels: Class names in the order of the outputs.
        scaling: How pixels were scaled.
        channels: `rgb` or `bgr`.
        resize: As in `edge_infer.model_file.metadata.InputSpec`.
        interpolation: Likewise.
    """

    architecture: Path | None
    output: str | None
    size: tuple[int, int] | None
    leave_out: tuple[str, ...]
    labels: tuple[str, ...] | None
    scaling: Scaling | None
    channels: Channels | None
    resize: Resize | None
    interpolation: Interpolation | None


_OPTIONS = (
    click.option(
        "--labels",
        metavar="A,B,…|FILE",
        help="Class names in the order of the outputs; of a sigmoid, first 0's. A file has one a line, or JSON such as "
        "class_indices.",
    ),
    click.option(
        "--preprocessing",
        "scaling",
        type=click.Choice(get_args(Scaling)),
        help="How pixels 0-255 were scaled: caffe (ImageNet mean off), unit (0-1), signed (-1 to 1), torch (ImageNet "
        "mean and deviation), none.",
    ),
    click.option("--channels", type=click.Choice(["rgb", "bgr"]), help="Order of colours that it was trained on."),
    click.option("--resize", type=click.Choice(get_args(Resize)), help="The whole picture, or its centre."),
    click.option(
        "--interpolation",
        type=click.Choice(get_args(Interpolation)),
        help="Filter of the resize; Keras' load_img has nearest.",
    ),
    click.option("--architecture", metavar="FILE", type=_FOLDER, help="What model.to_json() wrote, for .weights.h5."),
    click.option("--output", metavar="NAME", help="The output that answers, of a model that has several."),
    click.option("--size", metavar="HEIGHT WIDTH", type=(int, int), help="Of the input, if the model takes any."),
    click.option("--leave-out", metavar="NAME", multiple=True, help="A layer that passes on what it is given."),
)


def read_labels(text: str) -> tuple[str, ...]:
    """Return class names, composed as those of folders are.

    Args:
        text: Names between commas, or the path of a file with a name on each line or, as JSON, a list of names, or
            `class_indices`: a number for each name.

    Raises:
        click.BadParameter: The file is none of these.
    """
    path = Path(text)
    try:
        is_file = path.is_file()
    except OSError:  # longer than any path
        is_file = False
    names = _names_in(path) if is_file else text.split(",")
    return tuple(normalize("NFC", name.strip()) for name in names)


def _names_in(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
        found = json.loads(text) if text[:1] in ("[", "{") else [line for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path} cannot be read as class names: {error}", param_hint="--labels") from error
    if isinstance(found, dict) and sorted(found.values(), key=str) == sorted(range(len(found)), key=str):
        found = sorted(found, key=found.__getitem__)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise click.BadParameter(
            f"{path} holds neither a list of class names nor a number for each, counted from 0", param_hint="--labels"
        )
    return found


def told_options(command: _Command) -> _Command:
    """Add the options to a command, which gets them as one argument `told`."""

    @wraps(command)
    def with_told(*, labels: str | None, **options: Any) -> Any:  # noqa: ANN401  # click's own
        names = None if labels is None else read_labels(labels)
        own = {name: options.pop(name) for name in Told.__slots__ if name != "labels"}
        return command(told=Told(labels=names, **own), **options)

    decorated: _Command = with_told
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated

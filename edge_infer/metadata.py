"""What a model file says of itself: the JSON under `metadata_props["edge_infer"]`.

The record travels inside the `.onnx` file, so a device needs nothing else. The
fields that steer inference are typed and checked here; the ones that only document
where a model comes from are kept as plain JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from edge_infer.errors import MetadataError

METADATA_KEY = "edge_infer"
SCHEMA_VERSION = 1
MAX_SIDE_PX = 4096  # a larger input is no classifier, and would let a file ask for any amount of memory

Resize = Literal["stretch", "crop"]
Interpolation = Literal["bilinear", "bicubic"]
Precision = Literal["fp32", "int8"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a picture becomes the network's input.

    Attributes:
        height: Rows of the input, pixels.
        width: Columns of the input, pixels.
        resize: `stretch` scales both axes independently; `crop` keeps the aspect
            ratio and cuts the centre.
        interpolation: Filter of the (antialiased) resize.
    """

    height: int
    width: int
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """The self-description of a model file, schema version 1.

    Attributes:
        name: The model's own name, such as `gems`.
        task: What it decides, such as `gems`; the same for every model of a task.
        version: Version of the model, `MAJOR.MINOR.PATCH`.
        labels: Class names in output order.
        input: Shape and resize rule of the input.
        min_score: Probability in 0–1 under which an answer is uncertain.
        temperature: Calibrated softmax temperature, already applied inside the graph
            (Guo et al. 2017).
        precision: Arithmetic of the weights.
        recipe: Training recipe that made it.
        architecture: The network in words.
        training: Class counts and split digest of the training data.
        accuracy: Measured figures with their confidence intervals.
        parity: Largest differences to the network it was exported from.
        licence: SPDX expression of the file.
        attribution: Whose data and weights it builds on.
        tools: Versions of the software that made it.
    """

    name: str
    task: str
    version: str
    labels: tuple[str, ...]
    input: InputSpec
    min_score: float
    temperature: float = 1.0
    precision: Precision = "fp32"
    recipe: str = ""
    architecture: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    attribution: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Serialize with sorted keys: the same record gives the same bytes."""
        record = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        return json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)


def parse_metadata(text: str) -> ModelMetadata:
    """Parse and check a model's self-description.

    Args:
        text: The JSON object under `metadata_props["edge_infer"]`.

    Raises:
        MetadataError: Not JSON, another schema version, or a field that is missing,
            unknown, of the wrong type or out of range.
    """
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"the model's metadata is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise MetadataError("the model's metadata is not a JSON object")
    version = record.pop("schema_version", None)
    if type(version) is not int or version != SCHEMA_VERSION:  # True equals 1
        raise MetadataError(
            f"the model's metadata has schema_version {version!r}; this edge-infer reads {SCHEMA_VERSION}: "
            "use the edge-infer version the model was made for"
        )
    fields = _Fields(record)
    metadata = ModelMetadata(
        name=fields.text("name"),
        task=fields.text("task"),
        version=fields.text("version"),
        labels=fields.labels("labels"),
        input=_parse_input(fields.take("input", dict)),
        min_score=fields.number("min_score", 0.0, 1.0),
        temperature=fields.number("temperature", 1e-3, 1e3),
        precision=fields.choice("precision", Precision),
        recipe=fields.take("recipe", str),
        architecture=fields.take("architecture", str),
        training=fields.take("training", dict),
        accuracy=fields.take("accuracy", dict),
        parity=fields.take("parity", dict),
        licence=fields.take("licence", str),
        attribution=fields.texts("attribution"),
        tools=fields.take("tools", dict),
    )
    fields.refuse_rest()
    return metadata


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _parse_input(record: dict[str, Any]) -> InputSpec:
    fields = _Fields(record, "input.")
    spec = InputSpec(
        height=fields.side("height"),
        width=fields.side("width"),
        resize=fields.choice("resize", Resize),
        interpolation=fields.choice("interpolation", Interpolation),
    )
    fields.refuse_rest()
    return spec


class _Fields:
    """Takes typed fields out of a JSON object, naming the one that is wrong."""

    def __init__(self, record: dict[str, Any], prefix: str = "") -> None:
        self._record = dict(record)
        self._prefix = prefix

    def take(self, key: str, kind: type) -> Any:  # noqa: ANN401  # the caller names the type
        if key not in self._record:
            raise MetadataError(f"the model's metadata lacks {self._prefix}{key}")
        value = self._record.pop(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self._wrong(key, value, f"a {kind.__name__}")
        return value

    def text(self, key: str) -> str:
        value: str = self.take(key, str)
        if not value:
            raise self._wrong(key, value, "a non-empty string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.take(key, list)
        if not all(isinstance(item, str) for item in value):
            raise self._wrong(key, value, "a list of strings")
        return tuple(value)

    def labels(self, key: str) -> tuple[str, ...]:
        labels = self.texts(key)
        if len(labels) < 2 or len(set(labels)) != len(labels) or not all(labels):
            raise self._wrong(key, list(labels), "two or more distinct, non-empty names")
        return labels

    def number(self, key: str, low: float, high: float) -> float:
        value = self.take(key, object)
        if not isinstance(value, int | float) or not low <= value <= high:  # NaN fails the comparison too
            raise self._wrong(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def side(self, key: str) -> int:
        value: int = self.take(key, int)
        if not 1 <= value <= MAX_SIDE_PX:
            raise self._wrong(key, value, f"an integer from 1 to {MAX_SIDE_PX}")
        return value

    def choice(self, key: str, literal: Any) -> Any:  # noqa: ANN401  # a typing.Literal and one of its values
        value = self.take(key, str)
        if value not in get_args(literal):
            raise self._wrong(key, value, " or ".join(get_args(literal)))
        return value

    def refuse_rest(self) -> None:
        if self._record:
            unknown = ", ".join(self._prefix + key for key in sorted(self._record))
            raise MetadataError(f"the model's metadata has unknown fields: {unknown}")

    def _wrong(self, key: str, value: object, wanted: str) -> MetadataError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return MetadataError(f"the model's metadata field {self._prefix}{key} should be {wanted}, not {shown}")

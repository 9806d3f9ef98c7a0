"""What a model file says of itself: the JSON under `metadata_props["edge_infer"]`.

The record travels inside the `.onnx` file, so a device needs nothing else. There are
two kinds, for classifiers and for face detectors. The fields that steer inference are
typed and checked here; the ones that only document where a model comes from are kept
as plain JSON.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, get_args

from edge_infer.errors import MetadataError
from edge_infer.model_file.metadata_fields import Fields

METADATA_KEY = "edge_infer"
SCHEMA_VERSION = 4  # that of new files
READABLE_VERSIONS = (1, 2, 3, 4)  # 1 knew no `min_known`, 2 no `weight_bits`, 3 no `second_look`
LEAST_MIDDLE = 0.1  # of each side: less is a detail of the picture
FACE_MARGINS = (-0.4, 4.0)  # less leaves nothing of the face, more leaves nothing but its surroundings

Resize = Literal["stretch", "crop"]
Interpolation = Literal["nearest", "bilinear", "bicubic"]
Precision = Literal["fp32", "int8"]
WeightBits = Literal[7, 8]
Kind = Literal["classifier", "face_detector"]


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """Which part of a picture a classifier of faces is shown (`edge_infer.faces.crops`).

    Attributes:
        margin: Added on each side, as a share of the width or height; may be negative.
        upright: Cut a square placed by the landmarks, in which the face stands upright, as
            large as the detector's box is on average; otherwise the detector's box itself.
    """

    margin: float
    upright: bool


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a picture becomes the network's input.

    Attributes:
        height: Rows of the input, pixels.
        width: Columns of the input, pixels.
        resize: `stretch` scales both axes independently; `crop` keeps the aspect
            ratio and cuts the centre.
        interpolation: Filter of the resize: `bilinear` and `bicubic` are antialiased, `nearest` takes one pixel of
            the picture for each of the input, as Keras' `load_img` does.
        face: The part of the picture to classify, when the model was made for faces.
    """

    height: int
    width: int
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"
    face: FaceCrop | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """What every model file says of itself, schema version 4.

    Attributes:
        name: The model's own name, such as `gems`.
        task: What it decides, such as `gems`; the same for every model of a task.
        version: Version of the model, `MAJOR.MINOR.PATCH`.
        min_score: Score in 0–1 under which an answer is uncertain, or a face none.
        precision: Arithmetic of the weights.
        weight_bits: Bits that the weights of an int8 file use; None in fp32. Those of 7 bits lie in -64 to 64, and
            sums of their products overflow on no CPU. New in schema version 3; older int8 files have 8.
        architecture: The network in words.
        accuracy: Measured figures with their confidence intervals.
        parity: Largest differences to the network it was exported from; of int8, to the fp32 file.
        card: The model card: what the labels mean, where the model fails, what it is not for.
        licence: SPDX expression of the file.
        attribution: Whose data and weights it builds on, and the notices they ask for.
        tools: Versions of the software that made it.
    """

    kind: ClassVar[str]

    name: str
    task: str
    version: str
    min_score: float
    precision: Precision = "fp32"
    weight_bits: WeightBits | None = None
    architecture: str = ""
    accuracy: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    card: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    attribution: tuple[str, ...] = ()
    tools: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Serialize with sorted keys: the same record gives the same bytes."""
        record = {"schema_version": SCHEMA_VERSION, "kind": self.kind, **asdict(self)}
        return json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierMetadata(ModelMetadata):
    """What a classifier says of itself.

    Attributes:
        labels: Class names in output order.
        input: Shape and resize rule of the input.
        temperature: Calibrated softmax temperature, already applied inside the graph
            (Guo et al. 2017).
        recipe: Training recipe that made it.
        training: Class counts and split digest of the training data.
        golden: Its probabilities for the pictures of `edge_infer.runtime.golden`, a row each; empty
            where they were not computed.
        min_known: `known` in 0–1 under which a picture shows none of the classes; None for a graph
            without that output. New in schema version 2.
        second_look: Where the first answer is uncertain, look again at the middle of the picture, this share of each
            side in 0.1–1, and average; None to look once. New in schema version 4.
    """

    kind = "classifier"

    labels: tuple[str, ...]
    input: InputSpec
    temperature: float = 1.0
    recipe: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    golden: tuple[tuple[float, ...], ...] = ()
    min_known: float | None = None
    second_look: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorMetadata(ModelMetadata):
    """What a face detector says of itself.

    Attributes:
        long_side: The picture's longer side is scaled to this, pixels.
        multiple: Both sides of the input are multiples of this, pixels.
        candidate_score: Score in 0–1 from which a place is looked at in a close-up.
        max_overlap: Of two boxes that overlap more (intersection over union, 0–1), the
            one with the lower score is dropped.
    """

    kind = "face_detector"

    long_side: int
    multiple: int
    candidate_score: float
    max_overlap: float


def parse_metadata(text: str) -> ClassifierMetadata | DetectorMetadata:
    """Parse and check a model's self-description.

    Args:
        text: The JSON object under `metadata_props["edge_infer"]`.

    Raises:
        MetadataError: Not JSON, another schema version, or a field that is missing,
            unknown, of the wrong type or out of range.
    """
    try:
        record = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise MetadataError(f"the model's metadata is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise MetadataError("the model's metadata is not a JSON object")
    version = record.pop("schema_version", None)
    if type(version) is not int or version not in READABLE_VERSIONS:  # True equals 1
        raise MetadataError(
            f"the model's metadata has schema_version {version!r}; this edge-infer reads 1 to {SCHEMA_VERSION}: "
            "use the edge-infer version the model was made for"
        )
    fields = Fields(record)
    if fields.choice("kind", Kind) == "classifier":
        metadata: ClassifierMetadata | DetectorMetadata = _parse_classifier(fields, version)
    else:
        metadata = _parse_detector(fields, version)
    fields.refuse_rest()
    return metadata


def _parse_classifier(fields: Fields, version: int) -> ClassifierMetadata:
    labels = fields.labels("labels")
    spec = _parse_input(fields.take("input", dict))
    return ClassifierMetadata(
        **_parse_common(fields, version),
        labels=labels,
        input=spec,
        temperature=fields.number("temperature", 1e-3, 1e3),
        recipe=fields.take("recipe", str),
        training=fields.take("training", dict),
        golden=fields.probabilities("golden", len(labels)),
        min_known=None if version == 1 else fields.number_or_null("min_known", 0.0, 1.0),
        second_look=None if version < 4 else _parse_second_look(fields, spec),
    )


def _parse_detector(fields: Fields, version: int) -> DetectorMetadata:
    return DetectorMetadata(
        **_parse_common(fields, version),
        long_side=fields.side("long_side"),
        multiple=fields.side("multiple"),
        candidate_score=fields.number("candidate_score", 0.0, 1.0),
        max_overlap=fields.number("max_overlap", 0.0, 1.0),
    )


def _parse_common(fields: Fields, version: int) -> dict[str, Any]:
    precision = fields.choice("precision", Precision)
    return {
        "name": fields.text("name"),
        "task": fields.text("task"),
        "version": fields.text("version"),
        "min_score": fields.number("min_score", 0.0, 1.0),
        "precision": precision,
        "weight_bits": _parse_weight_bits(fields, precision, version),
        "architecture": fields.take("architecture", str),
        "accuracy": fields.take("accuracy", dict),
        "parity": fields.take("parity", dict),
        "card": fields.take("card", dict),
        "licence": fields.take("licence", str),
        "attribution": fields.texts("attribution"),
        "tools": fields.take("tools", dict),
    }


def _parse_weight_bits(fields: Fields, precision: Precision, version: int) -> int | None:
    if version < 3:
        return 8 if precision == "int8" else None
    if precision == "int8":
        return fields.integer_of("weight_bits", get_args(WeightBits))
    fields.null("weight_bits", "in fp32")
    return None


def _parse_second_look(fields: Fields, spec: InputSpec) -> float | None:
    if spec.face is not None:
        fields.null("second_look", "of a model of faces")
        return None
    return fields.number_or_null("second_look", LEAST_MIDDLE, 1.0)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text)


def _parse_input(record: dict[str, Any]) -> InputSpec:
    fields = Fields(record, "input.")
    spec = InputSpec(
        height=fields.side("height"),
        width=fields.side("width"),
        resize=fields.choice("resize", Resize),
        interpolation=fields.choice("interpolation", Interpolation),
        face=_parse_face(fields.take("face", dict | None)),
    )
    fields.refuse_rest()
    return spec


def _parse_face(record: dict[str, Any] | None) -> FaceCrop | None:
    if record is None:
        return None
    fields = Fields(record, "input.face.")
    face = FaceCrop(margin=fields.number("margin", *FACE_MARGINS), upright=fields.flag("upright"))
    fields.refuse_rest()
    return face

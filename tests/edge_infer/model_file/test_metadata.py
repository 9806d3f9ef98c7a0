import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import MetadataError
from edge_infer.model_file.metadata import SCHEMA_VERSION, ClassifierMetadata, InputSpec, parse_metadata
from edge_infer.model_file.metadata_fields import MAX_SIDE_PX
from tests.support.tiny_model import METADATA

FULL = replace(
    METADATA,
    input=InputSpec(150, 224, "crop", "bicubic"),
    temperature=1.25,
    precision="int8",
    weight_bits=7,
    training={"counts": {"été": 3}, "split": "ab12"},
    accuracy={"test": {"value": 0.95, "interval": [0.84, 0.99]}},
    parity={"max_abs": 1e-6},
    attribution=("photos by A", "weights by B"),
    tools={"onnx": "1.23"},
    min_known=0.51,
    second_look=0.5,
)


def record(**changes: Any) -> dict[str, Any]:
    return json.loads(METADATA.to_json()) | changes


def parse(value: Any) -> ClassifierMetadata:
    return parse_metadata(json.dumps(value))


@pytest.mark.parametrize("metadata", [METADATA, FULL], ids=["tiny", "full"])
def test_round_trip(metadata: ClassifierMetadata) -> None:
    assert parse_metadata(metadata.to_json()) == metadata


@pytest.mark.slow
@given(
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=2, unique=True),
    st.floats(0, 1),
    st.floats(1e-3, 1e3),
    st.integers(1, MAX_SIDE_PX),
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_metadata_survives_the_round_trip(
    labels: list[str], min_score: float, temperature: float, side: int, accuracy: dict[str, float]
) -> None:
    metadata = replace(
        METADATA,
        labels=tuple(labels),
        min_score=min_score,
        temperature=temperature,
        input=InputSpec(side, 1),
        accuracy=accuracy,
    )
    assert parse_metadata(metadata.to_json()) == metadata


def test_json_is_the_same_bytes_each_time_and_readable() -> None:
    text = FULL.to_json()
    assert text == parse_metadata(text).to_json()
    assert list(json.loads(text)) == sorted([*(f.name for f in fields(ClassifierMetadata)), "kind", "schema_version"])
    assert "été" in text


def test_nan_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(METADATA, accuracy={"test": float("nan")}).to_json()


def test_metadata_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        METADATA.name = "other"


@pytest.mark.parametrize("field", [f.name for f in fields(ClassifierMetadata)])
def test_every_field_is_required(field: str) -> None:
    value = record()
    del value[field]
    with pytest.raises(MetadataError, match=rf"lacks {field}$"):
        parse(value)


@pytest.mark.parametrize("field", [f.name for f in fields(InputSpec)])
def test_every_field_of_the_input_is_required(field: str) -> None:
    value = record()
    del value["input"][field]
    with pytest.raises(MetadataError, match=rf"lacks input\.{field}$"):
        parse(value)


TEXT = ["name", "task", "version", "precision", "recipe", "architecture", "licence"]
MAPPINGS = ["input", "training", "accuracy", "parity", "tools"]
WRONG = [
    *((field, value) for field in TEXT for value in (7, None, ["x"], True)),
    *((field, "") for field in ("name", "task", "version")),
    *((field, value) for field in MAPPINGS for value in ("x", [], None, 1)),
    *(
        ("labels", value)
        for value in ("red", [], ["red"], ["red", "red"], ["red", ""], ["red", 1], ["red", None], None)
    ),
    *(("attribution", value) for value in ("me", [1], None, {})),
    *(("min_score", value) for value in (-0.01, 1.01, "0.5", None, True, 10**400, -(10**400), [0.5])),
    *(("min_known", value) for value in (-0.01, 1.01, "0.5", True, False, 10**400, [0.5], {})),
    *(("temperature", value) for value in (0, -1, 1001, "1", None, True, 10**400)),
    *(("precision", value) for value in ("fp16", "FP32", "")),
    *(("weight_bits", value) for value in (7, 8, 0, "7", True, [], {})),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(MetadataError, match=rf"metadata field {field} should be ") as caught:
        parse(record(**{field: value}))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("height", value) for value in (0, -1, MAX_SIDE_PX + 1, 32.0, "32", None, True, 10**30)),
        *(("width", value) for value in (0, MAX_SIDE_PX + 1, 1.5, True)),
        *(("resize", value) for value in ("pad", "Stretch", 1, None)),
        *(("interpolation", value) for value in ("lanczos", "", 2)),
    ],
)
def test_a_wrong_field_of_the_input_is_named(field: str, value: object) -> None:
    value_of_input = record()["input"] | {field: value}
    with pytest.raises(MetadataError, match=rf"metadata field input\.{field} should be "):
        parse(record(input=value_of_input))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("min_score", 0),
        ("min_score", 1),
        ("min_known", 0),
        ("min_known", 1),
        ("temperature", 0.001),
        ("temperature", 1000),
        ("labels", ["a", "b"]),
    ],
)
def test_the_ends_of_each_range_are_accepted(field: str, value: object) -> None:
    found = getattr(parse(record(**{field: value})), field)
    assert found == (tuple(value) if isinstance(value, list) else value)
    assert not isinstance(found, int)


def test_the_largest_input_is_accepted() -> None:
    assert parse(record(input=record()["input"] | {"height": MAX_SIDE_PX, "width": 1})).input == InputSpec(4096, 1)


def test_unknown_fields_are_named() -> None:
    with pytest.raises(MetadataError, match=r"unknown fields: 'colour', 'zoom'$"):
        parse(record(zoom=1, colour="BGR"))
    with pytest.raises(MetadataError, match=r"unknown fields: 'input\.mean'$"):
        parse(record(input=record()["input"] | {"mean": [0, 0, 0]}))


@pytest.mark.parametrize("version", [0, 5, "1", "2", None, True, 1.0, [1]])
def test_another_schema_version_is_refused(version: object) -> None:
    with pytest.raises(MetadataError) as caught:
        parse(record(schema_version=version))
    assert f"has schema_version {version!r}; this edge-infer reads 1 to {SCHEMA_VERSION}: " in str(caught.value)


def test_a_file_of_schema_1_is_read_and_has_no_min_known() -> None:
    first = record(schema_version=1)
    del first["min_known"], first["weight_bits"], first["second_look"]
    assert parse(first) == METADATA
    assert METADATA.min_known is None
    with pytest.raises(MetadataError, match=r"unknown fields: 'min_known', 'second_look', 'weight_bits'$"):
        parse(record(schema_version=1))


def test_an_int8_file_of_schema_2_has_weights_of_8_bits() -> None:
    second = json.loads(FULL.to_json()) | {"schema_version": 2}
    del second["weight_bits"], second["second_look"]
    assert parse(second) == replace(FULL, weight_bits=8, second_look=None)
    assert parse(second | {"precision": "fp32"}) == replace(FULL, precision="fp32", weight_bits=None, second_look=None)
    with pytest.raises(MetadataError, match=r"unknown fields: 'weight_bits'$"):
        parse(second | {"weight_bits": 8})


def test_a_file_of_schema_3_looks_once() -> None:
    third = json.loads(FULL.to_json()) | {"schema_version": 3}
    del third["second_look"]
    assert parse(third) == replace(FULL, second_look=None)
    with pytest.raises(MetadataError, match=r"unknown fields: 'second_look'$"):
        parse(third | {"second_look": None})


@pytest.mark.parametrize("share", [0, 0.05, 1.01, -0.5, "0.5", True, [0.5], 10**400])
def test_a_second_look_is_at_a_tenth_or_more_of_each_side(share: object) -> None:
    assert [parse(record(second_look=value)).second_look for value in (None, 0.1, 1)] == [None, 0.1, 1]
    with pytest.raises(MetadataError, match=r"^the model's metadata field second_look should be [^\n]{1,120}$"):
        parse(record(second_look=share))


def test_a_model_of_faces_has_no_second_look() -> None:
    of_faces = record(input=record()["input"] | {"face": {"margin": 0.1, "upright": True}})
    assert parse(of_faces).second_look is None
    with pytest.raises(MetadataError, match=r"field second_look should be null of a model of faces, not 0\.5$"):
        parse(of_faces | {"second_look": 0.5})


def test_what_is_written_is_schema_4() -> None:
    assert record()["schema_version"] == 4
    assert (record()["min_known"], json.loads(FULL.to_json())["min_known"]) == (None, 0.51)
    assert (record()["weight_bits"], json.loads(FULL.to_json())["weight_bits"]) == (None, 7)


@pytest.mark.parametrize("value", [None, 0, 6, 9, -7, 7.0, "7", True, [7], 10**400])
def test_int8_weights_have_7_or_8_bits(value: object) -> None:
    int8 = json.loads(FULL.to_json())
    assert [parse(int8 | {"weight_bits": bits}).weight_bits for bits in (7, 8)] == [7, 8]
    with pytest.raises(MetadataError, match=r"^the model's metadata field weight_bits should be [^\n]{1,120}$"):
        parse(int8 | {"weight_bits": value})


def test_a_wrong_number_of_bits_is_one_clear_line() -> None:
    with pytest.raises(MetadataError, match=r"^the model's metadata field weight_bits should be 7 or 8, not 6$"):
        parse(json.loads(FULL.to_json()) | {"weight_bits": 6})
    with pytest.raises(MetadataError, match=r"^the model's metadata field weight_bits should be null in fp32, not 7$"):
        parse(record(weight_bits=7))


def test_numbers_that_json_does_not_know_are_no_min_known() -> None:
    with pytest.raises(MetadataError, match="not JSON: NaN"):
        parse_metadata(METADATA.to_json().replace('"min_known": null', '"min_known": NaN'))


def test_a_record_without_schema_version_is_refused() -> None:
    value = record()
    del value["schema_version"]
    with pytest.raises(MetadataError, match="schema_version None"):
        parse(value)


@pytest.mark.parametrize("text", ["", "{", "name: gems", "{'name': 1}", "[" * 100_000, '{"a": 1}}', "\0", "9" * 5000])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(MetadataError, match="is not JSON"):
        parse_metadata(text)


@pytest.mark.parametrize("text", ["[]", "null", "1", '"gems"', "true"])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(MetadataError, match="not a JSON object"):
        parse_metadata(text)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("field", ["min_score", "accuracy"])
def test_numbers_that_json_does_not_know_are_refused(field: str, constant: str) -> None:
    text = json.dumps(record(**{field: {"test": 1}})).replace('{"test": 1}', f'{{"test": {constant}}}')
    with pytest.raises(MetadataError, match=f"not JSON: {constant}"):
        parse_metadata(text)


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_a_number_beyond_any_float_is_refused(number: str) -> None:
    text = json.dumps(record(accuracy={"test": 1})).replace('{"test": 1}', f'{{"test": {number}}}')
    with pytest.raises(MetadataError, match=f"not JSON: {number} is not a JSON number"):
        parse_metadata(text)


def test_a_long_wrong_value_is_shortened() -> None:
    with pytest.raises(MetadataError) as caught:
        parse(record(min_score="x" * 10_000))
    assert str(caught.value).endswith("not 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...")


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_metadata_or_a_typed_error(value: object) -> None:
    with pytest.raises(MetadataError):
        parse(value)


@given(
    st.sampled_from([f.name for f in fields(ClassifierMetadata)]), st.none() | st.integers() | st.floats() | st.text()
)
def test_any_value_of_a_field_is_accepted_or_a_typed_error(field: str, value: object) -> None:
    try:
        metadata = parse(record(**{field: value}))
    except MetadataError:
        return
    assert getattr(metadata, field) == value
    assert parse_metadata(metadata.to_json()) == metadata

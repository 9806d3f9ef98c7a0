"""`edge-infer classify --explain`: a picture beside each answer, and the peak in the records."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from tests.edge_infer.cli.conftest import RED_TEXT, Run
from tests.support.pooled_model import coloured_pictures, write_pooled_model

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def pictures(folder: Path) -> list[str]:
    write_pooled_model(folder / "small.onnx", min_known=0.5)
    names = []
    for number, picture in enumerate(coloured_pictures(6)):
        names.append(f"stone{number}.png")
        Image.fromarray(picture).save(names[-1])
    return names


@pytest.mark.parametrize("count", [2, 6])
def test_each_answer_gets_a_picture_and_records_a_peak(classify: Run, pictures: list[str], count: int) -> None:
    arguments = (*pictures[:count], "--model", "small.onnx", "--format", "json")
    plain = json.loads(classify(*arguments).out)
    answer = classify(*arguments, "--explain", "why")
    assert (answer.code, answer.err) == (0, "")
    explained = json.loads(answer.out)
    assert sorted(path.name for path in Path("why").iterdir()) == [f"stone{i}-explained.jpg" for i in range(count)]
    classifier = Classifier("small.onnx", threads=1)
    for before, record, name in zip(plain, explained, pictures, strict=False):
        box = record.pop("peak_box")
        assert box == pytest.approx(classifier.explain(name).maps[0].peak_box)
        assert record["label"] == before["label"]
        assert record["score"] == pytest.approx(before["score"], abs=1e-5)
        assert list(record) == list(before)
        with Image.open(f"why/{name.removesuffix('.png')}-explained.jpg") as sheet:
            assert sheet.width >= 2 * 64 + 8
            left = np.asarray(sheet.convert("RGB")).astype(int)[20:48, :64]
        with Image.open(name) as photo:
            assert np.abs(left - np.asarray(photo)[20:]).mean() < 20


def test_both_kinds_of_copies_can_be_asked_for(classify: Run, pictures: list[str]) -> None:
    answer = classify(pictures[0], "--model", "small.onnx", "--explain", "out", "--save-annotated", "out")
    assert (answer.code, answer.err) == (0, "")
    assert sorted(path.name for path in Path("out").iterdir()) == ["stone0-annotated.jpg", "stone0-explained.jpg"]


def test_a_head_that_cannot_be_divided_is_explained_too(classify: Run) -> None:
    answer = classify("red.png", "gone.png", "--explain", "why")
    assert answer.out == f"red.png: {RED_TEXT}\n"
    assert (answer.code, answer.err.count("\n")) == (1, 1)
    assert [path.name for path in Path("why").iterdir()] == ["red-explained.jpg"]


def test_a_folder_that_cannot_be_made_is_an_error(classify: Run) -> None:
    answer = classify("red.png", "--explain", "red.png/why")
    assert answer.code == 1
    assert answer.err == "Error: folder red.png/why cannot be created: Not a directory\n"

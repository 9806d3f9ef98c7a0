"""`edge-infer classify` with a model of faces, and annotated copies."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.harness.drawn_face import picture_with_faces
from edge_infer.model_file.metadata import FaceCrop, InputSpec
from edge_infer.pictures import loading
from tests.edge_infer.cli.conftest import Run
from tests.support.tiny_model import write_tiny_model

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(scope="session")
def skin_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of faces: it names their colour."""
    spec = InputSpec(32, 32, face=FaceCrop(-0.15, upright=True))
    return write_tiny_model(tmp_path_factory.mktemp("model") / "skin.onnx", name="skin", task="skin", input=spec)


@pytest.fixture
def classify_faces(run: Run, skin_model_path: Path) -> Run:
    picture_with_faces((640, 480), [(200, 60, 240)]).save("one.png")
    picture_with_faces((640, 480), [(30, 100, 150), (300, 40, 260)]).save("two.png")
    return lambda *arguments: run("classify", "--model", str(skin_model_path), *arguments)


def test_faces_as_text(classify_faces: Run) -> None:
    answer = classify_faces("one.png", "two.png", "blue.png", "--min-score", "0.3")
    one, two, blue = answer.out.splitlines()
    assert re.fullmatch(r"one\.png: pink \d\d\.\d%", one)
    assert re.fullmatch(r"two\.png: 2 faces: pink \d\d\.\d%; pink \d\d\.\d%", two)
    assert re.fullmatch(r"blue\.png: uncertain, best guess blue 100\.0% \(no face found\)", blue)
    assert (answer.code, answer.err) == (0, "")


def test_faces_as_json(classify_faces: Run) -> None:
    two, blue = json.loads(classify_faces("two.png", "blue.png", "--format", "json", "--top", "1").out)
    assert [face["label"] for face in two["faces"]] == ["pink", "pink"]
    assert two["faces"][0]["box"][0] > 250
    assert (blue["faces"], blue["certain"], blue["label"]) == ([], False, "blue")


def test_a_picture_without_a_face_fails_when_one_was_asked_for(classify_faces: Run) -> None:
    answer = classify_faces("blue.png", "one.png", "--faces", "always")
    assert answer.code == 1
    assert answer.err == "Error: blue.png shows no face\n"
    assert answer.out.startswith("one.png: ")


def test_annotated_copies_are_saved(classify_faces: Run) -> None:
    answer = classify_faces("one.png", "blue.png", "note.jpg", "--save-annotated", "drawn")
    assert answer.code == 1  # of note.jpg
    assert sorted(path.name for path in Path("drawn").iterdir()) == ["blue-annotated.jpg", "one-annotated.jpg"]
    with Image.open("drawn/one-annotated.jpg") as copy, Image.open("one.png") as original:
        difference = np.abs(np.asarray(copy, int) - np.asarray(original, int)).max(axis=-1)
    assert 0.002 < (difference > 60).mean() < 0.2


def test_pictures_of_a_turned_camera_are_answered_and_drawn_upright(classify_faces: Run) -> None:
    upright = json.loads(classify_faces("one.png", "--format", "json", "--save-annotated", "drawn").out)
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open("one.png") as one:
        one.rotate(90, expand=True).save("left.png")  # against the clock
        one.rotate(-90, expand=True).save("right.png")
        one.save("down.png", exif=exif)
    for name, degrees in (("left", "90"), ("right", "270"), ("down", "180")):
        (answer,) = json.loads(
            classify_faces(f"{name}.png", "--rotate", degrees, "--format", "json", "--save-annotated", "drawn").out
        )
        assert answer == upright[0] | {"source": f"{name}.png"}
        assert np.array_equal(Image.open(f"drawn/{name}-annotated.jpg"), Image.open("drawn/one-annotated.jpg"))


@pytest.mark.parametrize(
    ("arguments", "decoded"),
    [
        (["one.png", "two.png", "--max-pixels=614400"], ["one.png", "two.png"]),
        (["one.png", "two.png", "--max-pixels=614399"], ["one.png", "two.png", "two.png"]),  # no room for the second
        (["blue.png", "one.png", "--max-pixels=307200", "--faces=always", "--batch=1"], ["blue.png", "one.png"]),
    ],
)
def test_a_picture_is_decoded_once_for_its_answer_and_its_copy(
    classify_faces: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], decoded: list[str]
) -> None:
    names: list[str] = []
    decode = loading._decode
    monkeypatch.setattr(loading, "_decode", lambda picture, *a: names.append(picture.name) or decode(picture, *a))
    assert classify_faces(*arguments, "--save-annotated", "drawn").out.count("pink") >= 1
    assert names == decoded


def test_a_copy_that_cannot_be_written_ends_the_run_with_one_line(classify_faces: Run) -> None:
    answer = classify_faces("one.png", "--save-annotated", "blue.png/drawn")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "Error: folder blue.png/drawn cannot be created: Not a directory\n"


def test_a_copy_that_fails_does_not_stop_the_others(classify_faces: Run) -> None:
    Image.new("RGB", (70_000, 2)).save("wide.png")  # no JPEG is so wide
    answer = classify_faces("wide.png", "one.png", "--save-annotated", "drawn")
    assert answer.code == 1
    assert answer.err.startswith("Error: drawn/wide-annotated.jpg cannot be written: ")
    assert [path.name for path in Path("drawn").iterdir()] == ["one-annotated.jpg"]
    assert len(answer.out.splitlines()) == 2

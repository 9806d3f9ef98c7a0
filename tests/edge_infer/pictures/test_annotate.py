import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer.errors import OutputError
from edge_infer.pictures.annotate import CERTAIN_RGB, UNCERTAIN_RGB, AnnotatedCopies, Pen, annotate
from edge_infer.results import FacePrediction, LabelScore, Prediction
from tests.support.hostile_pictures import encoded, with_jpeg_size

GREY = (128, 128, 128)
SCORES = (LabelScore("woman", 0.9), LabelScore("man", 0.1))


def face(box: tuple[float, float, float, float], min_score: float = 0.5) -> FacePrediction:
    return FacePrediction(box, 0.8, (), SCORES, min_score)


def prediction(*faces: FacePrediction, source: str | None = "photo.png", min_score: float = 0.5) -> Prediction:
    return Prediction(source, "gender", "gender", SCORES, min_score, faces=tuple(faces))


def colours(image: Image.Image, box: tuple[int, int, int, int]) -> set[tuple[int, ...]]:
    return {tuple(pixel) for pixel in np.asarray(image.crop(box)).reshape(-1, 3).tolist()}


def test_a_box_and_a_label_above_it() -> None:
    picture = Image.new("RGB", (300, 200), GREY)
    drawn = annotate(picture, prediction(face((100, 80, 160, 160))))
    for x, y in ((100, 120), (160, 120), (130, 80), (130, 160)):
        assert drawn.getpixel((x, y)) == CERTAIN_RGB
    assert colours(drawn, (105, 85, 155, 155)) == {GREY}
    label = colours(drawn, (100, 60, 160, 78))
    assert CERTAIN_RGB in label
    assert (255, 255, 255) in label
    assert colours(picture, (0, 0, 300, 200)) == {GREY}  # the caller's picture is left alone


def test_an_uncertain_face_has_another_colour() -> None:
    drawn = annotate(Image.new("RGB", (300, 200), GREY), prediction(face((100, 80, 160, 160), min_score=0.95)))
    assert drawn.getpixel((100, 120)) == UNCERTAIN_RGB


def test_without_faces_the_label_stands_at_the_top_left() -> None:
    drawn = annotate(Image.new("RGB", (300, 200), GREY), prediction())
    assert drawn.getpixel((1, 1)) == CERTAIN_RGB
    assert colours(drawn, (0, 60, 300, 200)) == {GREY}


def test_what_is_none_of_the_classes_is_labelled_so_whatever_is_closest(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Pen, "label", lambda self, place, text, rgb: written.append(f"{text} {rgb}"))
    strange = replace(prediction(), known=0.4, min_known=0.5)
    annotate(Image.new("RGB", (300, 200), GREY), strange)
    annotate(Image.new("RGB", (300, 200), GREY), replace(strange, known=0.5))
    one, other = (replace(face((100, 80, 160, 160)), known=known, min_known=0.5) for known in (0.9, 0.1))
    annotate(Image.new("RGB", (300, 200), GREY), prediction(one, other))
    none, woman = f"none of these {UNCERTAIN_RGB}", f"woman 90% {CERTAIN_RGB}"
    assert written == [none, woman, none, woman]


@pytest.mark.parametrize("box", [(0, 0, 40, 40), (260, 150, 300, 200), (-5, -5, 500, 500)])
def test_labels_stay_inside_the_picture(box: tuple[int, int, int, int]) -> None:
    drawn = annotate(Image.new("RGB", (300, 200), GREY), prediction(face(box)))
    white = np.argwhere((np.asarray(drawn) > 200).all(axis=-1))
    assert len(white) > 20
    assert 0 < white[:, 0].min() < white[:, 0].max() < 199
    assert 0 < white[:, 1].min() < white[:, 1].max() < 299


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 900)])
def test_pictures_of_any_size_can_be_drawn_on(size: tuple[int, int]) -> None:
    assert annotate(Image.new("RGB", size), prediction(face((0, 0, 1, 1)))).size == size


def test_text_grows_with_the_picture() -> None:
    heights = []
    for side in (300, 3000):
        pixels = np.asarray(annotate(Image.new("RGB", (side, side), GREY), prediction()))
        heights.append(int((pixels[:, 1] == CERTAIN_RGB).all(axis=-1).sum()))
    assert heights[1] > 4 * heights[0] > 40


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (60, 40), GREY).save("photo.png")
    return Path("photo.png")


def test_copies_are_written_beside_nothing_of_the_users(photo: Path) -> None:
    before = photo.read_bytes()
    path = AnnotatedCopies(Path("out/deep")).save("photo.png", prediction())
    assert path == Path("out/deep/photo-annotated.jpg")
    with Image.open(path) as copy:
        assert copy.size == (60, 40)
    assert photo.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_pictures_of_one_name_get_numbers_and_a_second_run_replaces(photo: Path) -> None:
    for _ in range(2):
        copies = AnnotatedCopies(Path("out"))
        names = [copies.save(str(photo), prediction(source=s)).name for s in ("a/photo.png", "b/photo.jpg", "-", None)]
        assert names == [
            "photo-annotated.jpg",
            "photo-annotated-2.jpg",
            "stdin-annotated.jpg",
            "picture-annotated.jpg",
        ]
    assert len(list(Path("out").iterdir())) == 4


def test_a_file_of_the_user_is_never_replaced(photo: Path) -> None:
    out = Path("out")
    out.mkdir()
    Image.new("RGB", (5, 5)).save(out / "photo-annotated.jpg")
    (out / "photo-annotated-2.jpg").write_text("no picture")
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert AnnotatedCopies(out).save("photo.png", prediction()).name == "photo-annotated-3.jpg"
    assert {path: path.read_bytes() for path in before} == before
    assert AnnotatedCopies(out).save("photo.png", prediction()).name == "photo-annotated-3.jpg"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_whatever_else_has_the_copys_name_is_left_alone(photo: Path) -> None:
    out = Path("out")
    (out / "photo-annotated.jpg").mkdir(parents=True)
    os.mkfifo(out / "photo-annotated-2.jpg")
    bomb = with_jpeg_size(encoded(Image.new("RGB", (8, 8)), "JPEG"), 60_000, 60_000)
    (out / "photo-annotated-3.jpg").write_bytes(bomb)
    assert AnnotatedCopies(out).save("photo.png", prediction()).name == "photo-annotated-4.jpg"
    assert (out / "photo-annotated-3.jpg").read_bytes() == bomb


def test_a_name_that_is_too_long_is_an_error(photo: Path) -> None:
    with pytest.raises(OutputError, match=r"-annotated\.jpg cannot be written: File name too long"):
        AnnotatedCopies(Path("out")).save("photo.png", prediction(source="x" * 250 + ".png"))
    assert list(Path("out").iterdir()) == []


def test_a_link_to_nothing_is_never_replaced(photo: Path) -> None:
    Path("out").mkdir()
    Path("out/photo-annotated.jpg").symlink_to("gone.jpg")
    assert AnnotatedCopies(Path("out")).save("photo.png", prediction()).name == "photo-annotated-2.jpg"
    assert Path("out/photo-annotated.jpg").is_symlink()


def test_names_that_differ_in_case_only_are_kept_apart(photo: Path) -> None:
    copies = AnnotatedCopies(Path("out"))
    names = [copies.save("photo.png", prediction(source=source)).name for source in ("A.png", "a.png")]
    assert names == ["A-annotated.jpg", "a-annotated-2.jpg"]


def test_an_open_file_that_was_read_already_is_read_again(photo: Path) -> None:
    with photo.open("rb") as file:
        file.read()
        assert AnnotatedCopies(Path("out")).save(file, prediction(source="-")).exists()


def test_a_folder_that_cannot_be_made_is_named(photo: Path) -> None:
    with pytest.raises(OutputError, match=r"folder photo\.png/out cannot be created"):
        AnnotatedCopies(photo / "out")


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(photo: Path) -> None:
    long = "x" * 240
    with pytest.raises(OutputError, match=rf"out/{long}-annotated\.jpg cannot be written: File name too long"):
        AnnotatedCopies(Path("out")).save(str(photo), prediction(source=f"{long}.png"))
    assert list(Path("out").iterdir()) == []


@pytest.mark.parametrize("place", [(0, 0), (40, 40), (0.4, 150.3)])
def test_a_label_is_whole_wherever_it_lies(place: tuple[float, float]):
    def letters(at: tuple[float, float]) -> int:
        image = Image.new("RGB", (300, 200))
        Pen(image).label(at, "Labradorite 98%", (0, 90, 180))
        return int((np.asarray(image)[..., 0] > 100).sum())  # only the text has any red

    assert letters(place) == letters((100, 100)) > 100

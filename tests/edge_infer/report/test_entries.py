"""What the page knows of a photo."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_infer import Classifier
from edge_infer.errors import OutputError
from edge_infer.report.entries import Place, entry, thumbnail_of
from edge_infer.report.page import Report, check_path, write_page
from tests.support.pooled_model import coloured_pictures, write_pooled_model

LABELS = ("Opal", "Ruby", "Quartz Rose", "a b", "a-b")


@pytest.mark.parametrize(
    ("photo", "folder", "page", "name", "link", "truth"),
    [
        ("/a/gems/Opal/1 #.jpg", "/a/gems", "/a/report.html", "Opal/1 #.jpg", "gems/Opal/1%20%23.jpg", "Opal"),
        ("/a/gems/x.jpg", "/a/gems", "/b/c/report.html", "x.jpg", "../../a/gems/x.jpg", None),
        (
            "/a/gems/test/Ruby/deep/x.jpg",
            "/a/gems",
            "/a/gems/r.html",
            "test/Ruby/deep/x.jpg",
            "test/Ruby/deep/x.jpg",
            "Ruby",
        ),
        ("/a/Opal/x.jpg", "/a/Opal", "/a/r.html", "x.jpg", "Opal/x.jpg", "Opal"),
        ("/Ruby/gems/opals/x.jpg", "/Ruby/gems", "/r.html", "opals/x.jpg", "Ruby/gems/opals/x.jpg", None),
        ("/gems/opal/x.jpg", "/gems", "/r.html", "opal/x.jpg", "gems/opal/x.jpg", "Opal"),
        ("/quartz_rose/x.jpg", "/quartz_rose", "/r.html", "x.jpg", "quartz_rose/x.jpg", "Quartz Rose"),
        ("/g/a-b/x.jpg", "/g", "/r.html", "a-b/x.jpg", "g/a-b/x.jpg", "a-b"),
        ("/g/A_B/x.jpg", "/g", "/r.html", "A_B/x.jpg", "g/A_B/x.jpg", None),
    ],
)
def test_a_place_names_links_and_knows_its_class(
    photo: str, folder: str, page: str, name: str, link: str, truth: str | None
) -> None:
    assert Place.of(photo, Path(folder), Path(page), LABELS) == Place(name, link, truth)


def test_a_thumbnail_keeps_the_shape_and_shows_the_photo(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), (200, 30, 40)).save(tmp_path / "a.jpg")
    thumbnail = thumbnail_of(str(tmp_path / "a.jpg"))
    assert thumbnail.size == (132, 88)
    assert thumbnail_of(str(tmp_path / "a.jpg"), rotate=90).size == (88, 132)
    assert thumbnail.getpixel((60, 40)) == pytest.approx((200, 30, 40), abs=4)


def test_an_entry_holds_the_answer_and_its_map(tmp_path: Path) -> None:
    classifier = Classifier(write_pooled_model(tmp_path / "small.onnx", min_known=0.5), threads=1)
    picture = next(coloured_pictures())
    explanation = classifier.explain(picture)
    prediction = explanation.prediction
    found = entry(Place("a.jpg", "a.jpg", "coral"), explanation, Image.fromarray(picture))
    assert found["label"] == prediction.label
    assert found["score"] == pytest.approx(prediction.score, abs=1e-4)
    assert found["known"] == pytest.approx(prediction.known, abs=1e-4)
    assert found["isKnown"] == prediction.is_known
    assert [name for name, _ in found["top"]] == [score.label for score in prediction.scores]
    with Image.open(BytesIO(base64.b64decode(found["thumbnail"]))) as thumbnail:
        assert thumbnail.size == (64, 48) == tuple(found["size"])
    shares = np.frombuffer(base64.b64decode(found["map"]["shares"]), np.int8).reshape(18, 24)
    assert (found["map"]["width"], found["map"]["height"]) == (24, 18)
    expected = explanation.maps[0].on_picture((24, 18))
    assert np.abs(shares).max() == 127
    assert shares / 127 == pytest.approx(expected / np.abs(expected).max(), abs=0.01)
    assert entry(Place("a.jpg", "a.jpg", None), prediction, Image.fromarray(picture))["map"] is None


def test_only_an_earlier_page_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    report = Report("gems", "gems 1.0.0", LABELS, [], [("</script>\u2028", "cut & short")])
    check_path(path)
    write_page(path, report)
    check_path(path)
    text = path.read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    assert "src=" not in text.replace("image.src =", "")
    assert "http://" not in text
    other = tmp_path / "mine.html"
    other.write_text("<p>mine</p>")
    with pytest.raises(OutputError, match=r"mine\.html exists and is not a report: give another --out"):
        check_path(other)
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(other / "report.html", report)


def test_a_page_has_a_name_that_a_browser_opens(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"report\.jpg should end in \.html: a browser opens it by that"):
        check_path(tmp_path / "report.jpg")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^.*file/a/b\.html cannot be written: .*file is no folder$"):
        check_path(tmp_path / "file" / "a" / "b.html")
    check_path(tmp_path / "new" / "folder" / "report.html")
    assert not (tmp_path / "new").exists()
    check_path(tmp_path / "report.HTM")

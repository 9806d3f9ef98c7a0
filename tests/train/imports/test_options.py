"""Class names as people have them: between commas, or in a file."""

import json
from pathlib import Path

import click
import pytest

from train.imports.options import read_labels

NAMES = ("Améthyste", "Larimar, bleu", "jade")


@pytest.mark.parametrize(
    "content",
    [
        "Améthyste\r\nLarimar, bleu\n\njade\n",
        "\ufeffAméthyste\nLarimar, bleu\njade",
        json.dumps(NAMES),
        json.dumps({"jade": 2, "Améthyste": 0, "Larimar, bleu": 1}),
        "Ame\u0301thyste\nLarimar, bleu\njade",  # as macOS stores it
    ],
)
def test_a_file_of_class_names_is_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels").write_text(content, encoding="utf-8")
    assert read_labels(str(tmp_path / "labels")) == NAMES


def test_names_between_commas_are_composed_as_those_of_folders_are() -> None:
    assert read_labels("Ame\u0301thyste, jade") == ("Améthyste", "jade")
    assert read_labels("a" * 5000) == ("a" * 5000,)


@pytest.mark.parametrize("content", ['{"a": 1, "b": 2}', '{"a": "x"}', "[1, 2]", "{", "\xff"])
def test_a_file_of_anything_else_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(click.BadParameter, match=r"labels\.json (cannot be read as class names|holds neither a list)"):
        read_labels(str(path))

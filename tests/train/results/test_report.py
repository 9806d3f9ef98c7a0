"""The report: the figures it shows are the metrics' figures."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from edge_infer.pictures.drawing import fonts
from tests.conftest import drawn
from train.metrics import evaluate
from train.results.lettering import lettering_for
from train.results.report import Example, draw_confusion, draw_curves, draw_examples, to_markdown, write_report
from train.runs.folder import RunFolder

mpl.use("agg")

LABELS = ["blue", "red"]
KFOLD = {"folds": 5, "repeats": 5, "mean_accuracy": 0.9512, "mean_accuracy_95": (0.93, 0.97)}


def metrics() -> dict:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.7, 0.3]])
    part = evaluate(probabilities, np.array([0, 0, 1, 1]), LABELS)
    return {
        "recipe": "custom",
        "preprocessing": "caffe",
        "labels": LABELS,
        "parameters": 21140042,
        "calibration": {"temperature": 1.25, "min_score": 0.625, "ece_before": 0.075, "ece_after": 0.0125},
        "split": {"train": 30, "validation": 4, "test": 4, "excluded": 2},
        "validation": part,
        "test": part,
        "kfold": KFOLD,
        "logistic_regression": {"kfold": KFOLD | {"mean_accuracy": 0.5}, "test": {"right": 2, "photos": 4}},
    }


def test_the_page_shows_the_metrics():
    page = to_markdown(metrics())
    assert page.startswith("# custom (caffe preprocessing)\n")
    for line in (
        "21,140,042 parameters; 30 photos for training, 4 for validation, 4 for test, "
        "2 left out: duplicates of test photos, or a picture under two labels.",
        "| test | 3/4 | 75.0% | 30.1%-95.4% | 0.511 | 0.350 |",
        "- network, 5x5 grouped k-fold: 95.12% (95 % interval 93.0%-97.0%)",
        "- logistic regression on pooled features, 5x5 grouped k-fold: 50.00% (95 % interval 93.0%-97.0%)",
        "- logistic regression, test: 2/4",
        "- calibrated on held-out answers: temperature 1.250, ECE 0.075 before and 0.013 after; "
        "answers below 0.625 count as uncertain",
        "| blue | 0.667 | 1.000 | 0.800 | 2 |",
        "| red | 1.000 | 0.500 | 0.667 | 2 |",
    ):
        assert line in page.splitlines()
    assert page.count("| red | 1.000 | 0.500 | 0.667 | 2 |") == 2  # validation and test


def test_a_recipe_without_folds_says_nothing_of_them():
    page = to_markdown(metrics() | {"kfold": None})
    assert "network, 5x5" not in page
    assert "logistic regression on pooled features, 5x5" in page


@pytest.mark.parametrize(
    ("history", "axis_label", "steps"),
    [({}, "epoch", [1, 2, 3]), ({"iterations": [1, 2, 4]}, "solver iteration", [1, 2, 4])],
)
def test_curves_show_the_history(history: dict, axis_label: str, steps: list[int]):
    history |= {"loss": [3, 2, 1], "val_loss": [4, 3, 2], "accuracy": [0.1, 0.2, 0.9], "val_accuracy": [0.1, 0.3, 0.8]}
    loss, accuracy = draw_curves(history, "title").axes
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        assert (axes.get_xlabel(), axes.get_ylabel()) == (axis_label, name)
        for line, key, label in zip(axes.lines, (name, f"val_{name}"), ("training", "validation"), strict=True):
            assert line.get_label() == label
            assert list(line.get_xdata()) == steps
            assert list(line.get_ydata()) == history[key]


def test_confusion_has_truth_in_rows():
    axes = draw_confusion(metrics()["test"], LABELS, "test").axes[0]
    # Text at (answer, truth): both blues are called blue, one red is called blue.
    assert {text.get_position(): text.get_text() for text in axes.texts} == {(0, 0): "2", (0, 1): "1", (1, 1): "1"}
    assert axes.get_title() == "test: 3 of 4 right"
    assert [label.get_text() for label in axes.get_yticklabels()] == LABELS


def test_examples_begin_with_the_wrong_and_doubtful_ones(tmp_path: Path):
    drawn((1, 2, 3)).save(tmp_path / "a.png")
    examples = [Example(tmp_path / "a.png", "red", "red", 0.90 + i / 1000) for i in range(30)]
    examples += [Example(tmp_path / "a.png", "red", "red", 0.40), Example(tmp_path / "a.png", "blue", "red", 0.99)]
    titles = [axes.get_title() for axes in draw_examples(examples).axes]
    assert len(titles) == 20
    assert titles[:3] == ["red\n(is blue) 99%", "red 40%", "red 90%"]


def test_the_report_is_five_whole_files(tmp_path: Path):
    drawn((1, 2, 3)).save(tmp_path / "a.png")
    history = {name: [0.5, 0.4] for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
    examples = [Example(tmp_path / "a.png", "red", "red", 0.9)]
    write_report(RunFolder(tmp_path / "run"), to_markdown(metrics()), metrics(), examples, history)
    names = ["confusion_test.png", "confusion_validation.png", "curves.png", "examples.png", "report.md"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == names
    for name in names[:-1]:
        with Image.open(tmp_path / "run" / name) as figure:
            assert min(figure.size) > 200
            assert np.asarray(figure.convert("L")).std() > 5
    assert (tmp_path / "run" / "report.md").read_text(encoding="utf-8") == to_markdown(metrics())


def test_labels_that_no_font_has_are_escaped_and_a_dollar_is_no_formula(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(fonts, "_FOLDERS", ())
    fonts.installed_font.cache_clear()
    drawn((1, 2, 3)).save(tmp_path / "a.png")
    history = {name: [0.5, 0.4] for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
    labelled = metrics() | {"labels": ["$5 or $10 \\frac", "紫水晶"]}
    for part in ("validation", "test"):
        labelled[part] = evaluate(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 1]), labelled["labels"])
    example = Example(tmp_path / "a.png", "紫水晶", "Améthyste", 0.9)
    # matplotlib's warning of a missing glyph is an error
    write_report(RunFolder(tmp_path / "run"), "page", labelled, [example], history)
    with lettering_for(["Améthyste 紫"]) as shown:
        assert shown("Améthyste 紫") == "Améthyste \\u7d2b"

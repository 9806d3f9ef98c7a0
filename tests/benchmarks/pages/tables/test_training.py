from typing import Any

from benchmarks.pages.catalogue import all_pages
from benchmarks.pages.tables.training import crop_table, loss_table, training_table
from benchmarks.quality.keep_runs import RESULTS
from train.files import read_json


def test_a_page_holds_the_tables_of_the_kept_results():
    kept = {path.stem: read_json(path) for path in sorted(RESULTS.glob("*.json"))}
    results = {name: result for name, result in kept.items() if not result["recipe"].get("widths")}  # full networks
    portraits = {"gender": read_json(RESULTS.parent / "faces.json")["portraits"]["all"]}
    pages = "".join(page.read_text(encoding="utf-8") for page in all_pages())

    assert training_table(results, "gems", {}) in pages
    assert training_table(results, "gender", portraits) in pages
    assert loss_table(results) in pages
    assert crop_table(read_json(RESULTS.parent / "crop_rule.json")) in pages


def test_kept_results_name_the_command_and_no_path_of_a_machine():
    for path in RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        command = read_json(path)["command"]
        recipe = read_json(path)["recipe"]
        made = f"slim {recipe['name']}" if recipe.get("widths") else f"{recipe['name']} --data DIR"
        assert command.startswith(f"python -m train {made} --out RUN ")
        assert "/work" not in text
        assert "/root" not in text


def test_photos_from_elsewhere_are_those_of_the_run_or_measured_apart_or_not_at_all():
    part = {"right": 1, "photos": 2, "accuracy_95": [0.1, 0.9], "ece": 0.1}
    kfold = {"mean_accuracy": 0.5, "mean_accuracy_95": [0.25, 0.75]}
    metrics = {"recipe": "gems", "preprocessing": "caffe", "parameters": 1000, "validation": part, "test": part}
    metrics |= {"kfold": None, "logistic_regression": {"validation": part, "test": part, "kfold": kfold}}
    measured = {"accuracy": 0.829, "accuracy_95": [0.781, 0.875]}
    apart = {"gems": {"accuracy": 0.5, "accuracy_95": [0.44, 0.57]}}

    def cells(of_run: dict[str, Any], elsewhere: dict[str, dict[str, Any]]) -> list[str]:
        kept = {"gems": {"recipe": {"name": "gems", "task": "gems"}, "metrics": metrics | of_run}}
        return [line.split(" | ")[3] for line in training_table(kept, "gems", elsewhere).splitlines()]

    published = ["not measured"] * 2
    head = ["elsewhere", "---", *published]
    assert cells({"elsewhere": measured}, apart) == [*head, "82.9% (78.1%-87.5%)", "not measured"]
    assert cells({"elsewhere": None}, apart) == [*head, "50.0% (44.0%-57.0%)", "not measured"]
    assert cells({}, {}) == [*head, "not measured", "not measured"]

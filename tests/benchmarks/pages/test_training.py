from benchmarks.pages.training import RESULTS, to_crop_table, to_loss_table, to_table
from train.runs.folder import read_json


def test_the_page_holds_the_table_of_the_kept_results():
    results = {path.stem: read_json(path) for path in sorted(RESULTS.glob("*.json"))}
    page = (RESULTS.parents[2] / "docs" / "training-results.md").read_text(encoding="utf-8")

    assert to_table(results, "gems") in page
    assert to_table(results, "gender") in page
    assert to_loss_table(results) in page
    assert to_crop_table(read_json(RESULTS.parent / "crop_rule.json")) in page


def test_kept_results_name_the_command_and_no_path_of_a_machine():
    for path in RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        command = read_json(path)["command"]
        assert command.startswith(f"python -m train {read_json(path)['recipe']['name']} --data DIR --out RUN ")
        assert "/work" not in text
        assert "/root" not in text

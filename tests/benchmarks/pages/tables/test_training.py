from benchmarks.pages.catalogue import all_pages
from benchmarks.pages.tables.training import crop_table, loss_table, training_table
from benchmarks.quality.keep_runs import RESULTS
from train.files import read_json


def test_a_page_holds_the_tables_of_the_kept_results():
    results = {path.stem: read_json(path) for path in sorted(RESULTS.glob("*.json"))}
    pages = "".join(page.read_text(encoding="utf-8") for page in all_pages())

    assert training_table(results, "gems") in pages
    assert training_table(results, "gender") in pages
    assert loss_table(results) in pages
    assert crop_table(read_json(RESULTS.parent / "crop_rule.json")) in pages


def test_kept_results_name_the_command_and_no_path_of_a_machine():
    for path in RESULTS.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        command = read_json(path)["command"]
        assert command.startswith(f"python -m train {read_json(path)['recipe']['name']} --data DIR --out RUN ")
        assert "/work" not in text
        assert "/root" not in text

"""What the tables of imported networks say, and that no digit of noise is shown."""

from benchmarks.pages.tables.imports import application_table, fixture_table, published_table


def test_a_difference_is_the_power_of_ten_above_it() -> None:
    row = {"keras": 2, "file": ".h5", "ending": "sigmoid", "same_top1": 50, "pictures": 50}
    result = {"fixtures": {"one unit, Keras 2": {**row, "largest_difference": 1.08e-7}}}
    assert fixture_table(result).splitlines()[2] == "| one unit | Keras 2 | `.h5` | one sigmoid unit | 1e-6 | 50/50 |"
    exact = {"fixtures": {"one unit, Keras 2": {**row, "largest_difference": 0.0}}}
    assert " | 1e-9 | " in fixture_table(exact)


def test_networks_are_in_the_order_of_their_names() -> None:
    found = {"parameters": 4_253_864, "largest_difference": 7.2e-6, "same_top1": 4, "pictures": 4}
    lines = application_table({"networks": {"Xception": found, "MobileNet": found}}).splitlines()
    assert lines[2:] == ["| MobileNet | 4.3 M | 1e-5 | 4/4 |", "| Xception | 4.3 M | 1e-5 | 4/4 |"]


def test_a_published_network_has_a_row_for_each_file() -> None:
    file = {"bytes": 84_600_000, "largest_difference": 3e-7, "same_top1": 43, "pictures": 43}
    original, agreed = {"right": 41, "photos": 43}, {"count": 374, "of": 375}
    whole = {"bytes": 21_300_000, "original": original, "test": original, "agreement_with_fp32": agreed}
    times = [{"bytes": 84_700_000, "times_faster": {"ratio": ratio}} for ratio in (1.0, 3.52, 21.04)]
    timed = dict(zip(("fp32", "int8", "slim int8"), times, strict=True))
    parity = {"max_difference": 1e-06, "same_top1": 402, "pictures": 402}
    steps = {
        "files": {"Keras 2, .h5": file, "Keras 3, .h5": file},
        "int8": whole,
        "slim": {**whole, "bytes": 2_800_000, "test": {"right": 40, "photos": 43}},
        "timed": {**timed, "parity": parity},
    }
    result = {"networks": {"gems-improved": {name: {"figures": figures} for name, figures in steps.items()}}}
    assert published_table(result).splitlines()[2:] == [
        "| gems-improved | Keras | 84.6 MB | 41/43 | 1e-6 in 2 files, 86/86 alike |  |",
        "|  | fp32 | 84.7 MB | 41/43 | differs by 1e-06 at most, 402/402 alike | 1 |",
        "|  | int8 | 21.3 MB | 41/43 | 374/375 as its own fp32 | 3.5 |",
        "|  | int8, slim | 2.8 MB | 40/43 | 374/375 as its own fp32 | 21.0 |",
    ]

from benchmarks.pages.tables.faces import breakdown_table, detector_table, gender_table
from benchmarks.quality.faces import by_kind, share_right

ANSWERS = [
    ("man", "man", 40.0, 0.55),
    ("man", "woman", 100.0, 0.85),
    ("woman", "woman", 300.0, 0.9),
    ("woman", None, 33.0, 0.0),
]


def test_a_face_that_was_not_found_is_a_wrong_answer() -> None:
    record = share_right(ANSWERS)
    assert (record["faces"], record["found"], record["right"], record["accuracy"]) == (4, 3, 2, 0.5)
    low, high = record["accuracy_95"]
    assert 0.1 < low < 0.5 < high < 0.9
    assert share_right([]) == {"faces": 0, "found": 0, "right": 0}


def test_every_face_is_in_one_class_and_one_height() -> None:
    kinds = by_kind(ANSWERS)
    assert {label: part["right"] for label, part in kinds["by_class"].items()} == {"man": 1, "woman": 1}
    assert {name: part["faces"] for name, part in kinds["by_height_px"].items()} == {
        "32-48": 2,
        "48-64": 0,
        "64-96": 0,
        "96-160": 1,
        "160-300": 1,
    }
    found = {name: part["faces"] for name, part in kinds["by_detection_score"].items()}
    assert found == {"0.5-0.6": 1, "0.6-0.7": 0, "0.7-0.8": 0, "0.8-1": 2}


def test_the_page_shows_both_kinds_of_scenes_and_empty_groups() -> None:
    table = breakdown_table({"composed": by_kind(ANSWERS), "damaged": by_kind(ANSWERS[:1])})
    assert "| face height, pixels 32-48 | 1/2 | 50.0% | 1/1 | 100.0% |" in table
    assert "| face height, pixels 96-160 | 1/1 | 0.0% | 0/0 | none |" in table


def test_the_bundled_model_stands_beside_the_full_one() -> None:
    test = {"right": 9, "photos": 10, "accuracy": 0.9, "accuracy_95": [0.6, 0.98], "per_class": {"man": {"recall": 1}}}
    training = {"metrics": {"test": test, "kfold": {"mean_accuracy": 0.95, "mean_accuracy_95": [0.9, 1.0]}}}
    full = {"composed": by_kind(ANSWERS), "damaged": by_kind(ANSWERS[:2])}
    bundled = {"composed": by_kind(ANSWERS[2:3]), "damaged": by_kind(ANSWERS[1:2])}
    slim = {"metrics": training["metrics"] | {"test": test | {"right": 8}}}
    lines = gender_table(full, bundled, training, slim).splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| held-out faces in composed scenes, 32-300 pixels", "2/4"],
        ["| the same, bundled model", "1/1"],
        ["| those scenes heavily relit, blurred and compressed", "1/2"],
        ["| the same, bundled model", "0/1"],
        ["| face crops, held-out 20 %", "9/10"],
        ["| the same, bundled model", "8/10"],
        ["| face crops, 5x5 grouped k-fold", ""],
        ["| the same, bundled model", ""],
    ]


def test_what_is_said_of_the_bundled_model_is_measured_of_it() -> None:
    scenes = {"scenes": 20, "faces": 60, "found": 58, "false_faces": 0}
    full = {"scenes": scenes, "scenes_without_close_ups": scenes | {"found": 50}}
    full |= {"backgrounds": {"photos": 375, "false_faces": 1}, "no_people": {"pictures": 9, "certain": 1}}
    time = {"threads": 2, "detector_ms": {"p50": 12.2}, "detector_and_classifier_ms": {"p50": 16.6}}
    things = {"pictures": 229, "with_false_faces": 11, "certain": 2}
    lines = detector_table(full, {"time": time}, {"others": {"things": things}}).splitlines()
    assert lines[6:8] == [
        "| other pictures without people that seem to show a face | 11/229 |",
        "| those pictures, man or woman with certainty by the bundled gender model | 2/229 |",
    ]
    assert lines[-1] == "| detector and bundled gender model, likewise | 16.6 ms |"

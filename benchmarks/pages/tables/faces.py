"""What `python -m benchmarks.quality.faces` has measured, beside the training of `gender`."""

from typing import Any

from benchmarks.pages.tables.markdown import table

_BUNDLED = "the same, bundled model"


def gender_table(
    faces: dict[str, Any], bundled: dict[str, Any], training: dict[str, Any], slim_training: dict[str, Any]
) -> str:
    """Return where and how well the full gender model answers, and the bundled one likewise."""
    rows = []
    for key, what in (
        ("portraits", "ordinary portraits from other sources"),
        ("composed", "held-out faces in composed scenes, 32-300 pixels"),
        ("damaged", "those scenes heavily relit, blurred and compressed"),
    ):
        for measured, name in ((faces, what), (bundled, _BUNDLED)):
            if key in measured:
                part, by_class = measured[key]["all"], measured[key]["by_class"]
                recalls = ", ".join(f"{label} {_percent(values)}" for label, values in by_class.items())
                rows.append((name, f"{part['right']}/{part['faces']}", _share(part), recalls))
    results = (training["metrics"], ""), (slim_training["metrics"], _BUNDLED)
    for metrics, name in results:
        test = metrics["test"]
        recalls = ", ".join(f"{label} {values['recall']:.1%}" for label, values in test["per_class"].items())
        rows.append((name or "face crops, held-out 20 %", f"{test['right']}/{test['photos']}", _share(test), recalls))
    for metrics, name in results:
        kfold = metrics["kfold"]
        low, high = kfold["mean_accuracy_95"]
        accuracy = f"{kfold['mean_accuracy']:.1%} ({low:.1%}-{high:.1%})"
        rows.append((name or "face crops, 5x5 grouped k-fold", "", accuracy, ""))
    return table(("what", "right", "accuracy (95 % interval)", "by class"), rows)


def breakdown_table(faces: dict[str, Any]) -> str:
    """Return accuracy by face size and by the detector's confidence."""
    rows = []
    for title, key in (("face height, pixels", "by_height_px"), ("detector's score", "by_detection_score")):
        for name, plain in faces["composed"][key].items():
            damaged = faces["damaged"][key][name]
            rows.append((f"{title} {name}", _found(plain), _percent(plain), _found(damaged), _percent(damaged)))
    return table(("", "found", "right", "found, damaged", "right, damaged"), rows)


def detector_table(faces: dict[str, Any], bundled: dict[str, Any], strangers: dict[str, Any]) -> str:
    """Return what the detector finds, and what it costs, alone and with the bundled gender model.

    Args:
        faces: Of the detector, what `python -m benchmarks.quality.faces` measured.
        bundled: The same with the bundled model, for its time.
        strangers: What `python -m benchmarks.quality.strangers` measured of the bundled model.
    """
    scenes, once, backgrounds = (faces[key] for key in ("scenes", "scenes_without_close_ups", "backgrounds"))
    time, things = bundled["time"], strangers["others"]["things"]
    rows = [
        ("faces found in composed 640x480 scenes (IoU 0.5 or more)", f"{scenes['found']}/{scenes['faces']}"),
        ("the same without close-ups", f"{once['found']}/{once['faces']}"),
        ("false faces in those scenes", f"{scenes['false_faces']} in {scenes['scenes']}"),
        ("false faces in photos of gems", f"{backgrounds['false_faces']} in {backgrounds['photos']}"),
        (
            "other pictures without people that seem to show a face",
            f"{things['with_false_faces']}/{things['pictures']}",
        ),
        (
            "those pictures, man or woman with certainty by the bundled gender model",
            f"{things['certain']}/{things['pictures']}",
        ),
    ]
    threads = time["threads"]
    rows += [
        (f"time of the detector, 640x480, {threads} threads, p50", f"{time['detector_ms']['p50']:.1f} ms"),
        ("detector and bundled gender model, likewise", f"{time['detector_and_classifier_ms']['p50']:.1f} ms"),
    ]
    return table(("what", "measured"), rows)


def _share(part: dict[str, Any]) -> str:
    low, high = part["accuracy_95"]
    return f"{part['accuracy']:.1%} ({low:.1%}-{high:.1%})"


def _percent(part: dict[str, Any]) -> str:
    return f"{part['accuracy']:.1%}" if part["faces"] else "none"


def _found(part: dict[str, Any]) -> str:
    return f"{part['found']}/{part['faces']}"

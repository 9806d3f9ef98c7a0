"""Write the tables of docs/models.md from the kept results.

    python -m benchmarks.pages.models

The figures come from benchmarks/results/: faces.json and, of the bundled model, faces_bundled.json
(`python -m benchmarks.quality.faces`), training/gender.json (`python -m train gender`), and of each task
that has been measured, models/TASK.json (`python -m benchmarks.quality.model_quality`) and
compare/TASK.json (`python benchmarks/compare.py`).
"""

from pathlib import Path
from typing import Any

from benchmarks.pages.tables import fill, table
from benchmarks.runtimes.compare_table import timing_of
from train.files import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "models.md"
TASKS = ("gems", "gender")
# A task's networks: what the tables call them, and the results of model_quality and of compare.
NETWORKS = (
    ("Keras", "full, Keras", "Keras predict"),
    ("ONNX fp32", "full, fp32", "ONNX Runtime fp32"),
    ("ONNX int8", "full, int8", "ONNX Runtime int8"),
    ("slim, ONNX fp32", "slim, fp32", "ONNX Runtime fp32, slim"),
    ("slim, ONNX int8", "slim, int8", "ONNX Runtime int8, slim"),
)


def gender_table(faces: dict[str, Any], bundled: dict[str, Any], training: dict[str, Any]) -> str:
    """Return where and how well the full gender model answers, and the bundled one in the same scenes."""
    metrics = training["metrics"]
    test, kfold = metrics["test"], metrics["kfold"]
    low, high = kfold["mean_accuracy_95"]
    recalls = ", ".join(f"{label} {values['recall']:.1%}" for label, values in test["per_class"].items())
    rows = [
        ("face crops, held-out 20 %", f"{test['right']}/{test['photos']}", _share(test), recalls),
        ("face crops, 5x5 grouped k-fold", "", f"{kfold['mean_accuracy']:.1%} ({low:.1%}-{high:.1%})", ""),
    ]
    for measured, key, name in (
        (faces, "composed", "held-out faces in composed scenes, 32-300 pixels"),
        (bundled, "composed", "the same, bundled model"),
        (faces, "damaged", "those scenes heavily relit, blurred and compressed"),
        (bundled, "damaged", "the same, bundled model"),
        (faces, "portraits", "ordinary portraits from other sources, whole photos"),
    ):
        if key in measured:
            part = measured[key]["all"]
            recalls = ", ".join(f"{label} {_percent(values)}" for label, values in measured[key]["by_class"].items())
            rows.append((name, f"{part['right']}/{part['faces']}", _share(part), recalls))
    return table(("what", "right", "accuracy (95 % interval)", "by class"), rows)


def breakdown_table(faces: dict[str, Any]) -> str:
    """Return accuracy by face size and by the detector's confidence."""
    rows = []
    for title, key in (("face height, pixels", "by_height_px"), ("detector's score", "by_detection_score")):
        for name, plain in faces["composed"][key].items():
            damaged = faces["damaged"][key][name]
            rows.append((f"{title} {name}", _found(plain), _percent(plain), _found(damaged), _percent(damaged)))
    return table(("", "found", "right", "found, damaged", "right, damaged"), rows)


def detector_table(faces: dict[str, Any], bundled: dict[str, Any]) -> str:
    """Return what the detector finds, and what it costs, alone and with the bundled gender model."""
    scenes, once, backgrounds = (faces[key] for key in ("scenes", "scenes_without_close_ups", "backgrounds"))
    time = bundled["time"]
    rows = [
        ("faces found in composed 640x480 scenes (IoU 0.5 or more)", f"{scenes['found']}/{scenes['faces']}"),
        ("the same without close-ups", f"{once['found']}/{once['faces']}"),
        ("false faces in those scenes", f"{scenes['false_faces']} in {scenes['scenes']}"),
        ("false faces in photos of gems", f"{backgrounds['false_faces']} in {backgrounds['photos']}"),
    ]
    if "no_people" in faces:
        other = faces["no_people"]
        rows += [
            (
                "other pictures without people that seem to show a face",
                f"{other['with_false_faces']}/{other['pictures']}",
            ),
            ("of those pictures, man or woman with certainty", f"{other['certain']}/{other['pictures']}"),
        ]
    threads = time["threads"]
    rows += [
        (f"time of the detector, 640x480, {threads} threads, p50", f"{time['detector_ms']['p50']:.1f} ms"),
        ("detector and bundled gender model, likewise", f"{time['detector_and_classifier_ms']['p50']:.1f} ms"),
    ]
    return table(("what", "measured"), rows)


def quality_table(quality: dict[str, Any]) -> str:
    """Return how right a task's networks are, and how alike the full one in Keras."""
    head = ("network", "test", "5x5 grouped k-fold", "as Keras, held out", "as Keras, other pictures", "ECE", "AUROC")
    rows = []
    for name, key, _ in NETWORKS:
        row = quality["rows"][key]
        low, high = row["kfold"]["mean_accuracy_95"]
        rows.append(
            (
                name,
                f"{row['test']['right']}/{row['test']['photos']}, {_share(row['test'])}",
                f"{row['kfold']['mean_accuracy']:.1%} ({low:.1%}-{high:.1%})",
                f"{row['agreement_held_out']['share']:.1%}",
                _same(row["other"]["agreement"]) if "other" in row else "not measured",
                f"{row['ece_held_out']:.3f}",
                _auroc(row["off_task"]) if "off_task" in row else "not measured",
            )
        )
    return table(head, rows)


def cost_table(quality: dict[str, Any], compared: dict[str, Any]) -> str:
    """Return what a task's networks cost; ratios say how many times faster one is."""
    head = ["network", "MACs", "parameters", "file"]
    for count in compared["threads"]:
        head += [f"{count} thread{'' if count == 1 else 's'}, x Keras", "x ONNX fp32"]
    rows = []
    for name, key, runtime in NETWORKS:
        size, cells = quality["rows"][key], []
        for count in compared["threads"]:
            timing = timing_of(compared["rows"][runtime], count, compared) or {}
            cells += [_ratio(timing.get("times_keras")), _ratio(timing.get("times_onnx_fp32"))]
        file = "" if size["bytes"] is None else f"{size['bytes'] / 1e6:.2f} MB"
        rows.append((name, f"{size['macs'] / 1e9:.2f} G", f"{size['parameters'] / 1e6:.2f} M", file, *cells))
    return table(head, rows)


def task_tables(task: str) -> dict[str, str]:
    """Return the tables of a task's networks whose results are there, by name."""
    quality, compared = RESULTS / "models" / f"{task}.json", RESULTS / "compare" / f"{task}.json"
    if not quality.exists():
        return {}
    tables = {f"{task}-quality": quality_table(read_json(quality))}
    if compared.exists():
        tables[f"{task}-cost"] = cost_table(read_json(quality), read_json(compared))
    return tables


def _same(part: dict[str, Any]) -> str:
    return f"{part['count']}/{part['of']}, {part['share']:.1%}"


def _auroc(part: dict[str, Any]) -> str:
    low, high = part["auroc_95"]
    return f"{part['auroc']:.3f} ({low:.3f}-{high:.3f})"


def _ratio(ratio: dict[str, Any] | None) -> str:
    return "" if ratio is None else f"{ratio['ratio']:.3g}"


def _share(part: dict[str, Any]) -> str:
    low, high = part["accuracy_95"]
    return f"{part['accuracy']:.1%} ({low:.1%}-{high:.1%})"


def _percent(part: dict[str, Any]) -> str:
    return f"{part['accuracy']:.1%}" if part["faces"] else "none"


def _found(part: dict[str, Any]) -> str:
    return f"{part['found']}/{part['faces']}"


def all_tables() -> dict[str, str]:
    """Return the page's tables by name."""
    faces, bundled = (read_json(RESULTS / f"{name}.json") for name in ("faces", "faces_bundled"))
    training = read_json(RESULTS / "training" / "gender.json")
    tables = {
        "gender": gender_table(faces, bundled, training),
        "gender-breakdown": breakdown_table(faces),
        "faces": detector_table(faces, bundled),
    }
    for task in TASKS:
        tables |= task_tables(task)
    return tables


def main() -> None:
    """Fill the page's tables."""
    fill(PAGE, all_tables())


if __name__ == "__main__":
    main()

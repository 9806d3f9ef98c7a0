"""Which table and which figure of the docs is made from which kept result."""

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.pages.cost_chart import draw_costs
from benchmarks.pages.drawing import Drawing
from benchmarks.pages.help_texts import all_commands, help_text
from benchmarks.pages.tables.bulk import one_machine_table, second_machine_table
from benchmarks.pages.tables.elsewhere import breakdown_table as elsewhere_breakdown
from benchmarks.pages.tables.elsewhere import summary_table
from benchmarks.pages.tables.explain import explain_table
from benchmarks.pages.tables.faces import breakdown_table, detector_table, gender_table
from benchmarks.pages.tables.imports import application_table, fixture_table, published_table
from benchmarks.pages.tables.jpeg_decode import jpeg_decode_table
from benchmarks.pages.tables.latency import latency_table
from benchmarks.pages.tables.levers import GROUPS, certainty_table, lever_table, second_look_table
from benchmarks.pages.tables.other_cpus import other_cpus_table
from benchmarks.pages.tables.processes import peer_wheel_table, process_start_table
from benchmarks.pages.tables.rival import lead_table, ratio_table, rival_table
from benchmarks.pages.tables.runtimes import comparison_table, package_table
from benchmarks.pages.tables.sources import source_table
from benchmarks.pages.tables.training import crop_table, loss_table, training_table
from benchmarks.pages.tables.webcam import webcam_table
from benchmarks.speed.latency_plot import draw_latency
from train.files import read_json
from train.results.report import draw_confusion, draw_curves

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = ROOT / "docs" / "figures"
TASKS = ("gems", "gender")


def all_pages() -> list[Path]:
    """Return the pages that may hold generated blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def all_blocks() -> dict[str, str]:
    """Return every table and help text by what its marker says."""
    tables = {f"table: {name}": text for name, text in all_tables().items()}
    return tables | {f"help: {name}": help_text(context) for name, context in all_commands().items()}


def all_tables() -> dict[str, str]:
    """Return every table by its name."""
    compared = {task: _kept(f"compare/{task}") for task in TASKS}
    training, slim_training = _training(), _training(slim=True)
    faces, bundled = _kept("faces"), _kept("faces_bundled")
    elsewhere = {"gender": faces["portraits"]["all"]}
    tables = {
        "readme-cost": package_table(compared),
        "jpeg-decode": jpeg_decode_table(_kept("jpeg_decode")),
        "process-start": process_start_table(_kept("process_start")),
        "peer-wheel": peer_wheel_table(_kept("peer_wheel")),
        "latency": latency_table(_kept("latency")["models"]),
        "bulk-one": one_machine_table(_kept("bulk")),
        "bulk-two": second_machine_table(_kept("bulk")),
        "explain": explain_table(_kept("explain")["parts"]),
        "webcam": webcam_table(_kept("webcam")["parts"]),
        "other-cpus": other_cpus_table(_kept("other_cpus")),
        "gender": gender_table(faces, bundled, training["gender"], slim_training["gender-slim"]),
        "gender-breakdown": breakdown_table(faces),
        "faces": detector_table(faces, bundled, _kept("gender_strangers")),
        "training-loss": loss_table(training),
        "crop-rules": crop_table(_kept("crop_rule")),
        "import-fixtures": fixture_table(_kept("imports/fixtures")),
        "import-published": published_table(_kept("imports/published")),
        "import-applications": application_table(_kept("applications")),
        "photo-sources": source_table(_kept("photo_sources")),
        "rival": rival_table(_kept("rival/accuracy"), _kept("rival/speed")),
        "rival-leads": lead_table(_kept("rival/accuracy")),
        "rival-ratios": ratio_table(_kept("rival/speed")),
    }
    for task in TASKS:
        tables[f"compare-{task}"] = comparison_table(compared[task])
        tables[f"training-{task}"] = training_table(training, task, elsewhere)
    full, slim = training["gems"]["metrics"], slim_training["gems-slim"]["metrics"]
    return tables | elsewhere_tables(full, "elsewhere") | elsewhere_tables(slim, "bundled") | lever_tables()


def elsewhere_tables(metrics: dict[str, Any], prefix: str) -> dict[str, str]:
    """Return the tables of what a run of gems reached on photos from elsewhere, by name."""
    return {
        f"{prefix}-summary": summary_table(metrics),
        f"{prefix}-kinds": elsewhere_breakdown(metrics, "kind"),
        f"{prefix}-classes": elsewhere_breakdown(metrics, "class"),
    }


def lever_tables() -> dict[str, str]:
    """Return the tables of levers, by name."""
    levers = _kept("levers")
    tables = {f"levers-{group}": lever_table(levers, group) for group in GROUPS}
    return tables | {
        "levers-certainty": certainty_table(levers),
        "levers-second-looks": second_look_table(_kept("second_looks")),
    }


def all_figures() -> dict[str, Drawing]:
    """Return every figure by the name of its file."""
    compared = {f"compare/{task}": _kept(f"compare/{task}") for task in TASKS}
    latency = _kept("latency")
    figures = {
        "cost.png": Drawing(compared, partial(draw_costs, dict(zip(TASKS, compared.values(), strict=True))), dpi=200),
        "latency.png": Drawing({"latency": latency}, partial(draw_latency, latency), dpi=120),
    }
    for name, result in _training().items():
        source, metrics = {f"training/{name}": result}, result["metrics"]
        figures[f"{name}-curves.png"] = Drawing(source, partial(draw_curves, result["history"], name), dpi=70)
        for part in ("validation", "test"):
            draw = partial(draw_confusion, metrics[part], metrics["labels"], part)
            figures[f"{name}-{part}.png"] = Drawing(source, draw, dpi=55)
    return figures


def _kept(name: str) -> dict[str, Any]:
    return read_json(RESULTS / f"{name}.json")


def _training(*, slim: bool = False) -> dict[str, dict[str, Any]]:
    """Return the kept runs of full networks, or of slim ones, by name."""
    results = {path.stem: read_json(path) for path in sorted((RESULTS / "training").glob("*.json"))}
    return {name: result for name, result in results.items() if bool(result["recipe"].get("widths")) == slim}

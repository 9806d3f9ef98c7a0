"""The result of benchmarks/latency.py as rows of text: for the terminal, and for docs/benchmarks.md."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.speed.verdicts import Change, Figure, ratios
from export.columns import side_by_side

MISSING = "not measured"


def latency_text(result: Mapping[str, Any]) -> str:
    """Return the machine, the models side by side, and the ratios that must hold."""
    models = [{"model": name, **model_rows(model)} for name, model in result["models"].items()]
    judged = [figure_row(figure) for figure in ratios(result["models"])]
    must_hold = {name: f"{value:<14}{bound:<28}{holds}".rstrip() for name, value, bound, holds in judged}
    return "\n\n".join(side_by_side(rows) for rows in ([machine_rows(result["machine"])], models, [must_hold]))


def changes_text(changes: Sequence[Change], threshold: float) -> str:
    """Return what has changed since the baseline."""
    if not changes:
        return "The baseline has no figure in common with this result."
    rows = {}
    for change in changes:
        verdict = "  WORSE" if change.loss > threshold else ""
        rows[change.name] = f"{change.before:.4g} -> {change.now:.4g} ({change.now / change.before - 1:+.1%}){verdict}"
    largest = max((abs(change.now / change.before - 1) for change in changes if "/" in change.name), default=0)
    return f"{side_by_side([rows])}\nlargest change of a ratio: {largest:.1%}"


def machine_rows(machine: Mapping[str, Any]) -> dict[str, str]:
    """Return what the machine is; what it does not tell is named so."""
    told = {
        key: MISSING if value is None and key in machine["not_measured"] else value for key, value in machine.items()
    }
    quota = "" if machine["quota"] is None else f", limited to {machine['quota']:.3g} by a control group"
    frequency = told["frequency_mhz"] if isinstance(told["frequency_mhz"], str) else f"{told['frequency_mhz']:.0f} MHz"
    temperature = told["temperature_c"] if isinstance(told["temperature_c"], str) else f"{told['temperature_c']:.0f} °C"
    return {
        "processor": f"{told['cpu']} ({told['flags'] if isinstance(told['flags'], str) else ', '.join(told['flags'])})",
        "cores": f"{told['affinity']} of {told['cores_of_machine']} usable{quota}; load before {told['load_before']}",
        "frequency": f"{frequency}, governor {told['governor']}, temperature {temperature}",
        "system": f"{told['os']}, {told['system']} {told['architecture']}, Python {told['python']}",
        "libraries": ", ".join(f"{name} {told[name]}" for name in ("onnxruntime", "numpy", "pillow", "click")),
    }


def model_rows(model: Mapping[str, Any]) -> dict[str, str]:
    """Return what was measured of a model, a row a figure."""
    if model["file"] is None:
        return {"file": f"{MISSING}: {model['not_measured']['file'].split(';')[0]}"}
    rows = {
        "file": f"{model['file']}, {model['bytes'] / 1e6:.2f} MB, sha256 {model['sha256'][:12]}",
        "provider": model["provider"].removesuffix("ExecutionProvider").lower(),
        "photos": str(model["photos"] or MISSING),
    }
    for section, to_rows in _SECTIONS.items():
        if model[section] is None:
            rows[section.replace("_", " ")] = f"{MISSING}: {model['not_measured'][section]}"
        else:
            rows |= to_rows(model[section])
    return rows


def figure_row(figure: Figure) -> tuple[str, str, str, str]:
    """Return what a ratio is, its value, its bound and whether it holds."""
    value = MISSING if figure.value is None else f"{figure.value:.3g}"
    holds = {True: "yes", False: "no", None: ""}[figure.holds]
    return figure.name, value, bound_text(figure), holds


def bound_text(figure: Figure) -> str:
    """Return what a ratio must be, or nothing."""
    bounds = [f"at least {figure.lowest:g}"] if figure.lowest is not None else []
    bounds += [f"at most {figure.highest:g}"] if figure.highest is not None else []
    return ", ".join(bounds)


def _cold_start(cold: Mapping[str, Any]) -> dict[str, str]:
    steps = cold["steps_ms"]
    return {
        "import numpy, PIL, onnxruntime": _time(cold["imports_ms"]),
        "edge-infer classify PHOTO": f"{_time(cold['classify_ms'])}, {_ratio(cold['classify_over_imports'])}",
        "inside: import, load, first": ", ".join(
            f"{steps[name]['p50']:.0f} ms" for name in ("import", "load", "first")
        ),
    }


def _threads(threads: Mapping[str, Any]) -> dict[str, str]:
    rows = {}
    for count, measured in threads.items():
        ours, name = measured["classify_ms"], f"{count} thread{'' if count == '1' else 's'}"
        rows[f"p50, {name}"] = _time(ours)
        rows[f"p90, p99, MAD, {name}"] = ", ".join(_cell(ours[key]) for key in ("p90", "p99", "mad"))
        rows[f"bare session.run, {name}"] = (
            f"{_time(measured['session_run_ms'])}, {_ratio(measured['classify_over_session_run'])}"
        )
        rows[f"CPU, peak memory, {name}"] = (
            f"{measured['cpu_ms_an_answer']:.1f} ms, {_cell(measured['peak_memory_mb'], 'MB')}"
        )
    return rows


def _independent(milliseconds: float) -> dict[str, str]:
    return {"p50 by an independent script": f"{milliseconds:.2f} ms"}


def _stages(stages: Mapping[str, Any]) -> dict[str, str]:
    names = [key.removesuffix("_ms") for key in stages if key.endswith("_ms")]
    return {f"stage {name.replace('_', '-')}": f"{stages[f'{name}_ms']['p50']:.2f} ms" for name in names}


def _batches(batches: Mapping[str, float]) -> dict[str, str]:
    return {
        f"photos a second, batch {', '.join(batches)}": ", ".join(f"{speed:.0f}" for speed in batches.values()),
    }


def _folder(folder: Mapping[str, Any]) -> dict[str, str]:
    speeds, photos = folder["photos_a_second"], folder["photos"]
    return {
        f"folder of {photos}, photos a second": f"{speeds['classify_many']:.0f}",
        "with the start of the command": f"{speeds['command']:.0f}",
        f"bare network, batch {folder['network_batch']}": (
            f"{speeds['network']:.0f}, {_ratio(folder['share_of_network'])} of it"
        ),
        "bare network, a thread a picture": (
            f"{speeds['network_a_thread_each']:.0f}, {_ratio(folder['share_of_network_a_thread_each'])} of it"
        ),
    }


def _spinning(spinning: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"threads spin {mode}": "; ".join(
            f"{pace} {measured[pace]['p50_ms']:.1f} ms, CPU {measured[pace]['cpu_ms']:.1f} ms"
            for pace in ("busy", "paused")
        )
        for mode, measured in spinning.items()
    }


_SECTIONS: dict[str, Callable[[Any], dict[str, str]]] = {
    "cold_start": _cold_start,
    "threads": _threads,
    "independent_ms": _independent,
    "stages": _stages,
    "batches": _batches,
    "folder": _folder,
    "spinning": _spinning,
}


def _time(summary: Mapping[str, Any]) -> str:
    low, high = summary["p50_95"]
    return f"{summary['p50']:.1f} ms ({low:.1f}-{high:.1f})"


def _ratio(ratio: Mapping[str, Any]) -> str:
    low, high = ratio["ratio_95"]
    return f"{ratio['ratio']:.2f}x ({low:.2f}-{high:.2f})"


def _cell(value: float | None, unit: str = "ms") -> str:
    return "too few runs" if value is None and unit == "ms" else MISSING if value is None else f"{value:.1f} {unit}"

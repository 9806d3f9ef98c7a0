"""`edge-infer models`: which models there are and what they say of themselves."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_infer.metadata import ModelMetadata


@click.group()
def models() -> None:
    """List models, show what a model file says of itself."""


@models.command("list")
def list_models() -> None:
    """List the bundled models."""
    from edge_infer.registry import bundled_models

    for model in bundled_models().values():
        click.echo(f"{model.name}  {model.size_bytes / 1e6:.1f} MB  {model.licence}")
    if not bundled_models():
        click.echo("This version bundles no models; make one with `python -m train` and `python -m export`.", err=True)


@models.command()
@click.argument("model", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the whole metadata as one JSON object.")
def show(model: str, as_json: bool) -> None:
    """Show what a bundled model or an .onnx file says of itself."""
    from edge_infer.model_file import open_model

    file = open_model(model)
    if as_json:
        click.echo(file.metadata.to_json())
        return
    meta = file.metadata
    rows = {
        "name": f"{meta.name} {meta.version} (task {meta.task})",
        "file": f"{file.path}, {len(file.data) / 1e6:.2f} MB, {meta.precision}",
        **_rows_of_kind(meta),
        "architecture": meta.architecture,
        "accuracy": _flat(meta.accuracy),
        "parity": _flat(meta.parity),
        **{name.replace("_", " "): text for name, text in meta.card.items()},
        "ONNX": f"opset {file.summary.opsets.get('', 0)}, IR version {file.summary.ir_version}",
        "licence": meta.licence,
        "attribution": "; ".join(meta.attribution),
        "tools": _flat(meta.tools),
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{name + ':':<14}{value}")


def _rows_of_kind(meta: "ModelMetadata") -> dict[str, str]:
    from edge_infer.metadata import ClassifierMetadata, DetectorMetadata

    match meta:
        case ClassifierMetadata(input=spec):
            face = "" if spec.face is None else f" of each face, margin {spec.face.margin:g}"
            return {
                "labels": ", ".join(meta.labels),
                "input": f"uint8 [N, {spec.height}, {spec.width}, 3] RGB{face}, "
                f"{spec.resize} with {spec.interpolation} filter",
                "certain from": f"score {meta.min_score:.3f} (temperature {meta.temperature:.3f})",
                "recipe": meta.recipe,
                "training": _flat(meta.training),
            }
        case DetectorMetadata():
            return {
                "input": f"uint8 [N, H, W, 3] RGB, longer side {meta.long_side}, multiples of {meta.multiple}",
                "a face from": f"score {meta.min_score:.3f}, looked at closely from {meta.candidate_score:.3f}",
            }
        case _:
            return {}


def _flat(values: object) -> str:
    """Return nested JSON objects as `a 1, b (c 2)`."""
    if isinstance(values, dict):
        parts = (
            f"{key} ({_flat(value)})" if isinstance(value, dict) else f"{key} {_flat(value)}"
            for key, value in values.items()
        )
        return ", ".join(parts)
    if isinstance(values, list):
        return "-".join(_flat(value) for value in values)
    return f"{values:.4g}" if isinstance(values, float) else str(values)

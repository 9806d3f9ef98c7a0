"""`edge-infer models`: which models there are and what they say of themselves."""

import click


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
    meta, spec = file.metadata, file.metadata.input
    rows = {
        "name": f"{meta.name} {meta.version} (task {meta.task})",
        "file": f"{file.path}, {len(file.data) / 1e6:.2f} MB, {meta.precision}",
        "labels": ", ".join(meta.labels),
        "input": f"uint8 [N, {spec.height}, {spec.width}, 3] RGB, {spec.resize} with {spec.interpolation} filter",
        "certain from": f"score {meta.min_score:.3f} (temperature {meta.temperature:.3f})",
        "architecture": meta.architecture,
        "recipe": meta.recipe,
        "accuracy": _flat(meta.accuracy),
        "parity": _flat(meta.parity),
        "training": _flat(meta.training),
        "ONNX": f"opset {file.summary.opsets.get('', 0)}, IR version {file.summary.ir_version}",
        "licence": meta.licence,
        "attribution": "; ".join(meta.attribution),
        "tools": _flat(meta.tools),
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{name + ':':<14}{value}")


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

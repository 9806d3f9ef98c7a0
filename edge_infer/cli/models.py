"""`edge-infer models`: which models there are and what they say of themselves."""

from typing import TYPE_CHECKING, cast

import click

from edge_infer.cli.exit_codes import EXIT_MODEL

if TYPE_CHECKING:
    from edge_infer.model_file.metadata import ClassifierMetadata, ModelMetadata
    from edge_infer.model_file.opening import ModelFile


@click.group()
def models() -> None:
    """List models, show what a model file says of itself, verify one."""


@models.command("list")
def list_models() -> None:
    """List the bundled models, and what each of them recognizes."""
    from edge_infer.errors import ModelError
    from edge_infer.model_file.opening import open_model
    from edge_infer.model_file.registry import bundled_models

    for model in bundled_models().values():
        try:
            tells = _what_it_tells(open_model(model.name).metadata)
        except ModelError as error:
            tells = str(error)
        click.echo(f"{model.name:<8}{model.size_bytes / 1e6:.1f} MB  {model.licence}  {tells}")
    if not bundled_models():
        click.echo("This version bundles no models; make one with `python -m train` and `python -m export`.", err=True)


@models.command()
@click.argument("model", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the whole metadata as one JSON object.")
def show(model: str, as_json: bool) -> None:
    """Show what a bundled model or an .onnx file says of itself."""
    from edge_infer.cli.writers import one_line
    from edge_infer.model_file.opening import open_model

    file = open_model(model)
    if as_json:
        click.echo(file.metadata.to_json())
        return
    meta = file.metadata
    bits = "" if meta.weight_bits is None else f", weights of {meta.weight_bits} bits"
    rows = {
        "name": f"{meta.name} {meta.version} (task {meta.task})",
        "file": f"{file.path}, {len(file.data) / 1e6:.2f} MB, {meta.precision}{bits}",
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
            click.echo(one_line(f"{name + ':':<14}{value}"))


@models.command()
@click.argument("models", metavar="[NAME|FILE]...", nargs=-1)
@click.pass_context
def verify(context: click.Context, models: tuple[str, ...]) -> None:
    """Check that models are whole and compute on this machine what they should.

    Without arguments, all bundled models. A bundled model's sha256 is compared with the released one;
    every model is loaded, and a classifier's answers to drawn pictures are compared with those that
    it carries. Exit code 3 if one fails.
    """
    from edge_infer.cli.writers import one_line
    from edge_infer.errors import ModelError
    from edge_infer.model_file.registry import bundled_models

    failed = False
    for model in models or tuple(bundled_models()):
        try:
            click.echo(one_line(f"{model}: ok ({', '.join(_verified(model))})"))
        except ModelError as error:
            failed = True
            click.echo(one_line(f"{model}: failed: {error}"))
    context.exit(EXIT_MODEL if failed else 0)


def _verified(model: str) -> list[str]:
    """Return what was found right."""
    from edge_infer.errors import ModelOutputError
    from edge_infer.model_file.metadata import ClassifierMetadata
    from edge_infer.model_file.opening import open_model
    from edge_infer.model_file.registry import bundled_models
    from edge_infer.runtime.golden import TOLERANCE, largest_difference
    from edge_infer.runtime.session import Session, start_session

    file = open_model(model)
    checks = ["sha256"] if model in bundled_models() else []
    match file.metadata:
        case ClassifierMetadata(golden=golden) if golden:
            difference = largest_difference(cast("ModelFile[ClassifierMetadata]", file), golden)
            if not difference <= TOLERANCE:
                # A bundled file is the released one, byte for byte; any other may have been damaged since it was made.
                cause = "" if checks else "the file is damaged (verify it where it was made, or export it again), or "
                raise ModelOutputError(
                    f"its answers differ by up to {difference:.3f} from those it carries (allowed: {TOLERANCE:g}): "
                    f"{cause}onnxruntime computes it wrongly on this machine"
                )
            return [*checks, f"{len(golden)} golden answers, largest difference {difference:.4f}"]
        case ClassifierMetadata():
            Session(cast("ModelFile[ClassifierMetadata]", file))
            return [*checks, "loads; carries no golden answers"]
        case _:
            start_session(file)
            return [*checks, "loads; carries no golden answers"]


def _what_it_tells(meta: "ModelMetadata") -> str:
    from edge_infer.model_file.metadata import ClassifierMetadata

    if not isinstance(meta, ClassifierMetadata):
        return "where faces are, for models of faces"
    *others, last = meta.labels
    return f"{', '.join(others)} or {last}{'' if meta.input.face is None else ', of each face'}"


def _rows_of_kind(meta: "ModelMetadata") -> dict[str, str]:
    from edge_infer.model_file.metadata import ClassifierMetadata, DetectorMetadata

    match meta:
        case ClassifierMetadata(input=spec):
            known = "" if meta.min_known is None else f", known {meta.min_known:.3f}"
            face = "" if spec.face is None else f" of each face, margin {spec.face.margin:g}"
            share = meta.second_look
            look = "" if share is None else f"below score {meta.min_score:.3f}, at the middle {share:.0%} of each side"
            return {
                "labels": ", ".join(meta.labels),
                "input": f"uint8 [N, {spec.height}, {spec.width}, 3] RGB{face}, "
                f"{spec.resize} with {spec.interpolation} filter",
                "certain from": f"score {meta.min_score:.3f}{known} (temperature {meta.temperature:.3f})",
                "second look": look,
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

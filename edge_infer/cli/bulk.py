"""`edge-infer bulk`: more pictures than one process should answer, into Parquet files."""

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from edge_infer.cli.exit_codes import EXIT_FAILED
from edge_infer.cli.options import ChosenModel, answer_options, faces_option, picture_options
from edge_infer.cli.writers import one_line
from edge_infer.faces.mode import FaceMode

if TYPE_CHECKING:
    from edge_infer.bulk.pipeline import Done


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("--out", metavar="DIR", required=True, help="Folder of the answers: local, or an address.")
@answer_options
@faces_option
@picture_options
@click.option("--address", help="A running Ray cluster: auto, or HOST:PORT; default: begin one on this machine.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Cores to use at most; default: all.")
@click.option(
    "--shard-size",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Pictures in a file; default: 16 to 1000, by their number.",
)
@click.pass_context
def bulk(
    context: click.Context,
    source: str,
    out: str,
    chosen: ChosenModel,
    faces: FaceMode,
    max_pixels: int,
    max_bytes: int,
    rotate: str | None,
    recursive: bool,
    address: str | None,
    workers: int | None,
    shard_size: int | None,
) -> None:
    """Answer many pictures, on a machine or a Ray cluster, into Parquet files.

    SOURCE is a folder, a quoted glob pattern, @list.txt, a picture, or a Parquet file with a column
    path; local, or an address such as s3://bucket/folder. Each picture becomes one row. Repeat an
    interrupted command: it goes on where it was.
    """
    from edge_infer.bulk import check_installed

    check_installed()
    from edge_infer.bulk.cluster import run_on_ray
    from edge_infer.bulk.names import names_of
    from edge_infer.bulk.pipeline import answer_all

    if source in ("-", "@-"):
        raise click.UsageError(
            "the same SOURCE must be there when the job goes on: give a folder, list or Parquet file"
        )
    loading = {"max_pixels": max_pixels, "max_bytes": max_bytes, "rotate": int(rotate or 0), "faces": faces}
    classifier = chosen.load(context, **loading, quick_start=True)
    names = names_of(source, recursive=recursive, report=_report)
    with click.progressbar(
        length=len(names), label="Classifying", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        done = answer_all(
            names,
            out,
            classifier,
            {"min_score": chosen.min_score, "min_known": chosen.min_known, **loading},
            partial(run_on_ray, address=address, workers=workers),
            top=chosen.shown_of(classifier),
            shard_size=shard_size,
            progress=bar.update,
        )
    for line in _summary(done, out):
        click.echo(line)
    context.exit(EXIT_FAILED if done.totals.errors else 0)


def _report(line: str) -> None:
    click.echo(one_line(f"Note: {line}"), err=True)


def _summary(done: "Done", out: str) -> list[str]:
    totals = done.totals
    share = f"{totals.certain / totals.answered:.1%} of the answers certain" if totals.answered else "no answers"
    lines = [one_line(f"{totals.rows} rows in {done.files} files in {out}: {share}, {totals.errors.total()} errors")]
    lines += [f"  {count} {name}" for name, count in totals.errors.most_common()]
    rate = f", {done.fresh / done.seconds:.1f} pictures/s" if done.fresh else ""
    lines.append(f"This run: {done.fresh} pictures in {done.seconds:.1f} s{rate}")
    return lines

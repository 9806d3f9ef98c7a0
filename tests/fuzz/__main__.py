"""Fuzz edge_infer for as long as you like.

python -m tests.fuzz pictures --cases 100000 --seed 1 --out pictures.json
"""

import json
import sys
from pathlib import Path

import click

from tests.fuzz.campaign import run_campaign
from tests.fuzz.targets import KERAS, TARGETS, target_of
from tests.fuzz.worker import case


@click.command()
@click.argument("target", type=click.Choice([*TARGETS, KERAS]))
@click.option("--cases", type=click.IntRange(min=1), default=10_000, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Another seed, other cases.")
@click.option("--out", type=click.Path(path_type=Path), help="Result as JSON; an unfinished one is continued.")
@click.option("--show", type=click.IntRange(min=0), metavar="N", help="Write case N to standard output instead.")
def main(target: str, cases: int, seed: int, out: Path | None, show: int | None) -> None:
    """Run many damaged inputs through TARGET; exit with 1 if any was not answered or refused in good order."""
    if show is not None:
        sys.stdout.buffer.write(case(target_of(target), seed, show))
        return
    result = run_campaign(target, seed, cases, out, say=lambda line: click.echo(line, err=True))
    click.echo(json.dumps(result, indent=1))
    sys.exit(1 if result["findings"] else 0)


if __name__ == "__main__":
    main()

"""Write every generated table, figure and help text of README.md and docs/.

    python -m benchmarks.pages

Tables and figures come from the JSON in benchmarks/results/, help texts from the commands. A block is
written wherever its marker stands: a page can be split, and a table moved, without a change here.
"""

import click

from benchmarks.pages.blocks import fill
from benchmarks.pages.catalogue import FIGURES, ROOT, all_blocks, all_figures, all_pages
from train.console import run as run_command


@click.command()
def main() -> None:
    """Write every generated table, figure and help text of README.md and docs/."""
    blocks = all_blocks()
    for page in all_pages():
        text = page.read_text(encoding="utf-8")
        filled = fill(text, blocks)
        if filled != text:
            page.write_text(filled, encoding="utf-8")
            click.echo(page.relative_to(ROOT))
    for name, drawing in all_figures().items():
        drawing.save(FIGURES / name)


if __name__ == "__main__":
    run_command(main, "python -m benchmarks.pages", interrupted="Interrupted; run it again to write the rest.")

"""Where the photos that are not part of the project are from."""

from collections.abc import Mapping

from benchmarks.pages.tables.markdown import table


def source_table(sources: Mapping[str, Mapping[str, int]]) -> str:
    """Return the repositories that the photos of each folder are from, and how many each gave."""
    rows = [
        (part, str(sum(given.values())), ", ".join(f"{name} ({count})" for name, count in given.items()))
        for part, given in sources.items()
    ]
    return table(("folder", "photos", "repositories on GitHub (photos)"), rows)

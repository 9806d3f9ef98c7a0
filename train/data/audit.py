"""Look over a folder of labelled photos before training on it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train.data.dataset import Dataset
from train.data.photos import Photo, class_counts


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two files that show the same picture, or nearly.

    Attributes:
        first: One file.
        second: The other.
        distance: Differing bits of 256 perceptual-hash bits.
        is_exact: The files are byte for byte the same.
    """

    first: Photo
    second: Photo
    distance: int
    is_exact: bool

    @property
    def crosses_classes(self) -> bool:
        """Whether the two carry different labels: one of them is wrong."""
        return self.first.label != self.second.label

    @property
    def crosses_parts(self) -> bool:
        """Whether one is for training and the other for measuring: the measurement is too good."""
        return self.first.part != self.second.part


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found.

    Attributes:
        photos: Number of files looked at.
        counts: Photos by class.
        unreadable: Path and reason of every photo that cannot be decoded.
        duplicates: Exact and near duplicates, closest first.
        notes: What was left out, or read as something else than it is called, in a line each.
    """

    photos: int
    counts: dict[str, int]
    unreadable: dict[Path, str]
    duplicates: list[DuplicatePair]
    notes: list[str] = field(default_factory=list)

    def to_record(self) -> dict[str, Any]:
        """Return the audit for JSON."""
        return {
            "photos": self.photos,
            "class_counts": self.counts,
            "notes": self.notes,
            "unreadable": {str(path): reason for path, reason in self.unreadable.items()},
            "duplicates": [
                {
                    "files": [str(pair.first.path), str(pair.second.path)],
                    "exact": pair.is_exact,
                    "distance": pair.distance,
                    "crosses_classes": pair.crosses_classes,
                    "crosses_parts": pair.crosses_parts,
                }
                for pair in self.duplicates
            ],
        }


def audit(dataset: Dataset) -> Audit:
    """Look for unreadable photos, duplicates within and across classes and parts, and imbalance.

    Raises:
        DataError: The folder is not one of class folders.
    """
    photos = dataset.photos
    pairs = [
        DuplicatePair(photos[i], photos[j], distance, photos[i].sha256 == photos[j].sha256)
        for i, j, distance in dataset.near_duplicates
    ]
    unreadable = {photo.path: str(error) for photo, error in dataset.unreadable.items()}
    return Audit(len(photos), class_counts(photos), unreadable, pairs, dataset.notes)


def summarize(result: Audit) -> str:
    """Return the audit as a few lines: how many of what, without the photos' names."""
    return "\n".join(line for line in describe(result).splitlines() if not line.startswith("  "))


def describe(result: Audit) -> str:
    """Return the audit as text, the findings that spoil a measurement first."""
    counts = result.counts
    small, large = min(counts.values()), max(counts.values())
    lines = [
        f"{result.photos} photos in {len(counts)} classes, {small} to {large} a class: "
        + ", ".join(f"{label} {count}" for label, count in counts.items())
    ]
    if large > 3 * small:
        lines.append(f"Unbalanced: the largest class has {large / small:.1f} times the photos of the smallest.")
    lines += [f"Note: {note}" for note in result.notes]
    lines.append(f"Unreadable: {len(result.unreadable) or 'none'}")
    lines += [f"  {reason}" for reason in result.unreadable.values()]
    kinds = {
        "Duplicates under different labels": [p for p in result.duplicates if p.crosses_classes],
        "Duplicates across parts": [p for p in result.duplicates if p.crosses_parts and not p.crosses_classes],
        "Other duplicates": [p for p in result.duplicates if not (p.crosses_parts or p.crosses_classes)],
    }
    for title, pairs in kinds.items():
        lines.append(f"{title}: {len(pairs) or 'none'}")
        lines += [f"  {_kind(pair):<8} {pair.first.path}  {pair.second.path}" for pair in pairs]
    return "\n".join(lines)


def _kind(pair: DuplicatePair) -> str:
    return "exact" if pair.is_exact else f"near {pair.distance}"

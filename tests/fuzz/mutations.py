"""Damage bytes at random, the way files are damaged and the way attackers damage them."""

from collections.abc import Callable, Sequence

import numpy as np

MAX_CHANGES = 8
MAX_PIECE = 64
BOUNDARIES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Return a damaged copy.

    Args:
        data: What to damage.
        others: Files to take pieces from.
        rng: Decides everything.
    """
    damaged = bytearray(data)
    for _ in range(rng.integers(1, MAX_CHANGES + 1)):
        change = CHANGES[rng.integers(len(CHANGES))]
        change(damaged, others, rng)
    return bytes(damaged)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Choose a position: every second time near the start, where the headers are."""
    limit = len(data) if rng.integers(2) else min(len(data), 128)
    return int(rng.integers(limit)) if limit else 0


def _flip_bit(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    if data:
        data[_place(data, rng)] ^= 1 << rng.integers(8)


def _set_byte(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    if data:
        data[_place(data, rng)] = rng.integers(256)


def _set_number(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    """Write a boundary value, 1 to 4 bytes, in either byte order."""
    size = int(rng.choice([1, 2, 4]))
    value = BOUNDARIES[rng.integers(len(BOUNDARIES))] % 256**size
    position = _place(data, rng)
    data[position : position + size] = value.to_bytes(size, "little" if rng.integers(2) else "big")


def _delete(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    position = _place(data, rng)
    del data[position : position + int(rng.integers(1, MAX_PIECE))]


def _repeat(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    position = _place(data, rng)
    piece = data[position : position + int(rng.integers(1, MAX_PIECE))]
    data[position:position] = piece * int(rng.integers(1, 5))


def _insert_noise(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    position = _place(data, rng)
    data[position:position] = rng.bytes(rng.integers(1, MAX_PIECE))


def _cut(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    if rng.integers(4) == 0:  # else most files would only be short
        del data[_place(data, rng) :]


def _splice(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    other = others[rng.integers(len(others))]
    start, position = int(rng.integers(len(other) + 1)), _place(data, rng)
    piece = other[start : start + int(rng.integers(1, 4 * MAX_PIECE))]
    data[position : position + len(piece)] = piece


Change = Callable[[bytearray, Sequence[bytes], np.random.Generator], None]
CHANGES: tuple[Change, ...] = (
    *(_flip_bit, _flip_bit, _set_byte, _set_number, _set_number),
    *(_delete, _repeat, _insert_noise, _cut, _splice),
)

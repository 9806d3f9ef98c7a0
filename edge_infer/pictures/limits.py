"""How large a picture may be unless the caller says otherwise; apart from Pillow, which `--help` need not load."""

from operator import index

DEFAULT_MAX_PIXELS = 50_000_000  # 150 MB of RGB
DEFAULT_MAX_BYTES = 100_000_000


def check_limits(max_pixels: int, max_bytes: int) -> None:
    """Refuse limits that no picture keeps, or that cannot be compared.

    Raises:
        TypeError: One is not a whole number.
        ValueError: One is below 1.
    """
    for name, limit in (("max_pixels", max_pixels), ("max_bytes", max_bytes)):
        try:
            index(limit)
        except TypeError:
            raise TypeError(f"{name} must be a whole number, got {limit!r}") from None
        if limit < 1:
            raise ValueError(f"{name} must be at least 1, got {limit}")

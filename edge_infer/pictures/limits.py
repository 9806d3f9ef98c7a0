"""How large a picture may be unless the caller says otherwise; apart from Pillow, which `--help` need not load."""

DEFAULT_MAX_PIXELS = 50_000_000  # 150 MB of RGB
DEFAULT_MAX_BYTES = 100_000_000

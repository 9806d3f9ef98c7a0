"""Defaults of a live feed; apart from what needs NumPy, so that `--help` can show them at once."""

SMOOTHING_S = 0.5
TIMEOUT_S = 1.7  # a fault is to be noticed within 2 s
RETRIES = 5

"""Measurements that stay in the project: `python -m benchmarks.NAME --help`."""

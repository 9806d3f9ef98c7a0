"""Measurements: how fast, how right, where else. README.md beside this file has a command for each question."""

"""Labelled photos: found, compared, divided, looked over."""

"""Somebody's Keras model: its file read as data, its network rebuilt. Nothing in the file is run."""

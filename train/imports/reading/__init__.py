"""Keras files read as data, and their networks rebuilt: nothing in a file is run."""

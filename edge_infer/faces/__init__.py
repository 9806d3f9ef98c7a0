"""Faces: where they are, and the part of the picture that a classifier of faces sees."""

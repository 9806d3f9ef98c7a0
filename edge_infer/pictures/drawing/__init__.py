"""Answers drawn into pictures, which are written whole or not at all."""

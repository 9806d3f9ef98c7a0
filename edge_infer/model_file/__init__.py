"""The model file: which there are, what one says of itself, and what it may hold."""

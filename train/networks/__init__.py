"""VGG16 and the networks built on it."""

"""Slimming networks that are not ours: plain chains of convolutions with a Dense head."""

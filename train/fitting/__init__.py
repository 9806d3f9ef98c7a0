"""Fitting a network to photos: heads, the last block, cross-validation."""

"""The face detector: fetched, rewritten, quantized, measured."""

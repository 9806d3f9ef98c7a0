"""EfficientNet-Lite0, which many would pick for a CPU, with the same photos, head, folds and calibration as ours."""

"""What the rows of the comparison are called that others are held against, or that a page shows."""

KERAS, KERAS_SLIM = "Keras predict", "Keras predict, slim"
ONNX_FP32 = "ONNX Runtime fp32"
EDGE_INFER_INT8 = "edge-infer int8, slim"  # what is bundled, with all that `classify` does: not the bare network

"""A Keras network to a checked ONNX graph, in fp32 and int8."""

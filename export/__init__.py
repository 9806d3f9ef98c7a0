"""The export stage: a run folder -> a checked `.onnx` file.

The straight line, a module a step: `train.runs.finished` (rebuild the trained network) ->
`convert` (Keras to ONNX) -> `graph` (is it what the contract promises?) -> `parity` (does it
answer as Keras does?) -> `int8` (quantize) -> `pipeline` (walks it, measures, writes).
"""

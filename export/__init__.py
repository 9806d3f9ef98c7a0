"""The export stage: a run folder -> a checked `.onnx` file.

`pipeline` walks the straight line, a module a step: `convert` (Keras to ONNX) -> `graph` (is it
what the contract promises?) -> `parity` (does it answer as Keras does?) -> `candidate` (its
answers; int8) -> `accuracy` (does int8 lose too much?) -> `report` (all that is measured) ->
`output` (the file, then its report).
"""

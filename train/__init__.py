"""The training stage: a folder of labelled photos -> a run folder with a checked network.

`pipeline` walks the straight line, a room a step: `data` (photos, duplicates, split) -> `views`
(what the network is shown, features) -> `networks` -> `fitting` (head, last block, k-fold) ->
`results` (metrics, report), kept in a folder of `runs`. `slim` makes a finished run's network small.

Benchmarks and export use parts of it where there is no training stack. These modules need no more
than the wheel: `console`, `errors`, `files`, `progress`, `quiet`, `recipes`, `data.photos`,
`data.splits`, `runs.checkpoints`. These need scikit-learn, scipy and their like, but neither
TensorFlow nor Keras: `metrics`, `data.audit`, `data.dataset`, `data.duplicates`, `data.run_data`,
`fitting.crossval`, `results.report`, `runs.folder`, `runs.slim_folder`, `slim.patches`,
`slim.sensitivity`, `views.augmentation`, `views.face_views`. tests/train/test_light_modules.py
holds them to it.
"""

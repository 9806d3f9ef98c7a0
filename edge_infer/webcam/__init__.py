"""A live feed: camera, video, stream or folder of frames -> answers, drawn, shown and recorded.

`capture` reads in a thread of its own, `live` takes the newest frame through the model and
hands the drawn picture to whoever shows it. OpenCV, from the `webcam` extra, is imported
by `opencv` when a source, a recording or a window needs it.
"""

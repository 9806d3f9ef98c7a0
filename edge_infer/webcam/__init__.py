"""A live feed: camera, video, stream or folder of frames -> answers, drawn, shown and recorded.

`camera.capture` reads and `answers.answer_thread` answers, each in a thread of its own; `live` draws the
newest frame with the newest answer and hands it to whoever shows it. OpenCV, from the `webcam` extra, is
imported by `opencv` when a source, a recording or a window needs it, or `doctor` looks for it.
"""

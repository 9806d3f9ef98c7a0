"""OpenCV, imported when it is first needed, quiet, with a helpful error when it is not there."""

import os
from functools import cache
from types import ModuleType

from edge_infer.errors import OpenCVError

# What a user must know is said once, by a typed error.
_ENVIRONMENT = {
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    # OpenCV's own choice for RTSP; and connections that are kept, or FFmpeg 8 asks one that the server has closed
    # for the next part of a file.
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": "rtsp_transport;tcp|multiple_requests;1",
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # seconds; 10 would hold up the release of a dead camera
    "QT_LOGGING_RULES": "*.warning=false",  # of fonts that its windows do without
}
_LOG_LEVEL_SILENT = 0  # OpenCV 4.12 does not name its levels


@cache
def load_cv2() -> ModuleType:
    """Import OpenCV.

    Raises:
        OpenCVError: It is not installed, or a system library that it needs is missing.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise OpenCVError("OpenCV, which reads cameras, is missing: pip install 'edge-infer[webcam]'") from error
    except ImportError as error:
        raise OpenCVError(f"OpenCV cannot be loaded ({error}): docs/troubleshooting.md says what helps") from error
    if "OPENCV_LOG_LEVEL" not in os.environ:
        logging = getattr(cv2.utils, "logging", cv2)  # OpenCV 4.12 has this function one level higher
        logging.setLogLevel(_LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)  # the cores are for the model
    return cv2

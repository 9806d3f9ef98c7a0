"""What can go wrong, one class a cause.

Every error derives from `EdgeInferError` and from the builtin it resembles, so
`except FileNotFoundError` keeps working for people who have never read this file.
The command line turns the families into exit codes (see `edge_infer.cli.exit_codes`).
"""


class EdgeInferError(Exception):
    """Base of every error this package raises on purpose."""


class InputError(EdgeInferError, ValueError):
    """One input cannot be answered; the others still can."""


class ImageNotFoundError(InputError, FileNotFoundError):
    """The path does not exist, or is not something a picture can be read from."""


class NoImagesError(InputError, FileNotFoundError):
    """A folder, pattern or list names no picture at all."""


class ImageDecodeError(InputError, OSError):
    """The bytes are not a whole picture of an accepted format."""


class UnsupportedImageError(InputError, TypeError):
    """Nothing that a picture can be read from, or pixels that have no defined RGB rendering here."""


class ImageTooLargeError(InputError):
    """The picture exceeds the limit of bytes, or decoded that of pixels, or what memory holds."""


class NoFaceError(InputError, LookupError):
    """A face was asked for and the picture shows none."""


class OutputError(EdgeInferError, OSError):
    """A file that was asked for cannot be written."""


class ModelError(EdgeInferError):
    """The model, or what should run it, is unusable; nothing can be answered."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """Neither a bundled model's name nor a readable file."""


class ModelFormatError(ModelError, ValueError):
    """Not an ONNX file that this package runs (damaged, external data, foreign operators)."""


class MetadataError(ModelError, ValueError):
    """The model's own description is missing, malformed or contradicts its graph."""


class ChecksumError(ModelError, ValueError):
    """A bundled model's bytes are not the ones that were released."""


class ModelOutputError(ModelError, ArithmeticError):
    """The model answered with something that is not a probability distribution."""


class ProviderError(ModelError, RuntimeError):
    """The requested execution provider is not available or was not used."""


class CameraError(EdgeInferError):
    """The camera, or the video that stands for one, gives no pictures."""


class CameraNotFoundError(CameraError, FileNotFoundError):
    """The camera, video, folder of frames or stream does not exist."""


class CameraPermissionError(CameraError, PermissionError):
    """The camera is there, but this user may not use it."""


class CameraUnavailableError(CameraError, OSError):
    """It is there, but cannot be opened: used by another program, or no video."""


class CameraTimeoutError(CameraError, TimeoutError):
    """It gave no picture, or no new one, in time."""


class CameraLostError(CameraError, ConnectionError):
    """It went away while running and did not come back."""


class BadFrameError(CameraError, ValueError):
    """One frame is not a picture; the next may be one."""


class OpenCVError(CameraError, ImportError):
    """OpenCV, which reads cameras, is not installed or cannot be loaded."""


class BulkError(EdgeInferError):
    """A bulk job cannot begin or go on; what is finished stays."""


class BulkLibraryError(BulkError, ImportError):
    """Ray or pyarrow, which bulk jobs run on, is not installed or cannot be loaded."""


class OtherJobError(BulkError, FileExistsError):
    """The output folder holds the answers of another job."""


class StorageError(BulkError, OSError):
    """A folder, list or manifest of pictures cannot be read, or not everywhere that the job runs."""


class ClusterError(BulkError, RuntimeError):
    """No Ray cluster answers at the address, or it cannot do the work."""
